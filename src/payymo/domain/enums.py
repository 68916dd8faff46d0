"""Every closed set of words that Payymo uses, defined once."""

from enum import StrEnum


class Provider(StrEnum):
    """Who delivers bank data."""

    GOCARDLESS = "gocardless"


class Role(StrEnum):
    """What a member may do within a tenant, from most to least."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class ConnectionStatus(StrEnum):
    """Where a bank connection stands."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    ERROR = "error"


class AccountSelection(StrEnum):
    """Which of the accounts that a consent opens are read."""

    ALL = "all"
    ASK = "ask"


class DoublesAnswer(StrEnum):
    """What becomes of accounts that another connection has."""

    ADOPT = "adopt"
    LEAVE = "leave"


class DataDisposal(StrEnum):
    """What becomes of a connection's data when it is ended."""

    KEEP = "keep"
    PURGE = "purge"


class ConnectionEvent(StrEnum):
    """What can happen to a bank connection, worded to go with "is"."""

    ASKED = "asked for"
    GRANTED = "granted"
    REFUSED = "refused"
    NEARED_END = "near its end"
    RAN_OUT = "expired"
    SUSPENDED = "suspended"
    ENDED = "ended"


class EventKind(StrEnum):
    """What a tenant is told of."""

    CONNECTION_ACTIVATED = "connection_activated"
    CONNECTION_RENEWED = "connection_renewed"
    CONNECTION_RENEWAL_FAILED = "connection_renewal_failed"
    CONNECTION_EXPIRING = "connection_expiring"
    CONNECTION_EXPIRED = "connection_expired"
    CONNECTION_REVOKED = "connection_revoked"
    CONNECTION_SUSPENDED = "connection_suspended"
    CONNECTION_FAILED = "connection_failed"
    ACCOUNT_APPEARED = "account_appeared"
    ACCOUNT_DISAPPEARED = "account_disappeared"
    TRANSACTION_SPLITS_UNBALANCED = "transaction_splits_unbalanced"
    TRANSACTION_OVER_ALLOCATED = "transaction_over_allocated"
    BALANCE_PROOF_FAILED = "balance_proof_failed"
    INVOICE_PAID = "invoice_paid"
    INVOICE_REOPENED = "invoice_reopened"
    PIPELINE_RUN_FAILED = "pipeline_run_failed"


class EventSubject(StrEnum):
    """What an event is about."""

    BANK_CONNECTION = "bank_connection"
    ACCOUNT = "account"
    TRANSACTION = "transaction"
    INVOICE = "invoice"
    PIPELINE_RUN = "pipeline_run"


class ConsentStatus(StrEnum):
    """Where one consent of a connection stands (PSD2: account information consent)."""

    PENDING = "pending"
    GRANTED = "granted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUSPENDED = "suspended"
    REPLACED = "replaced"
    ERROR = "error"


class AccountStatus(StrEnum):
    """Whether an account can be read."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNAVAILABLE = "unavailable"
    SUSPENDED = "suspended"
    ERROR = "error"


class AccountType(StrEnum):
    """What an account is for (ISO 20022 ExternalCashAccountType1Code, in words)."""

    CURRENT = "current"
    SAVINGS = "savings"
    CARD = "card"
    LOAN = "loan"
    CASH = "cash"
    TRANSACTION = "transaction"
    OTHER = "other"


class BalanceType(StrEnum):
    """Which balance a bank reports (Berlin Group balanceType, in words)."""

    OPENING_BOOKED = "opening_booked"
    OPENING_AVAILABLE = "opening_available"
    CLOSING_BOOKED = "closing_booked"
    CLOSING_AVAILABLE = "closing_available"
    PREVIOUSLY_CLOSED_BOOKED = "previously_closed_booked"
    INTERIM_BOOKED = "interim_booked"
    INTERIM_AVAILABLE = "interim_available"
    FORWARD_AVAILABLE = "forward_available"
    EXPECTED = "expected"
    AUTHORISED = "authorised"
    NON_INVOICED = "non_invoiced"
    INFORMATION = "information"
    OTHER = "other"


class AccessScope(StrEnum):
    """What a consent lets us read of an account; quotas are counted for each."""

    DETAILS = "details"
    BALANCES = "balances"
    TRANSACTIONS = "transactions"


class CallPurpose(StrEnum):
    """For whom a call is made that the provider counts."""

    AUTOMATIC = "automatic"
    PERSONAL = "personal"


class CallOutcome(StrEnum):
    """What became of a call that the provider may count."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXHAUSTED = "exhausted"
    FORBIDDEN = "forbidden"
    WITHHELD = "withheld"


class TransactionStatus(StrEnum):
    """Where a bank transaction stands in its life."""

    PENDING = "pending"
    BOOKED = "booked"
    SUPERSEDED = "superseded"
    REMOVED = "removed"


class SplitsState(StrEnum):
    """Whether the parts into which a person divided a transaction come to its amount."""

    NONE = "none"
    BALANCED = "balanced"
    UNBALANCED = "unbalanced"


class CategoryKind(StrEnum):
    """What transactions of a category do to what one has."""

    INCOME = "income"
    EXPENSE = "expense"
    TRANSFER = "transfer"


class CategorySource(StrEnum):
    """Who said what a transaction is for, from the last word to no word at all."""

    USER = "user"
    RULE = "rule"
    LEARNED = "learned"
    DEFAULT = "default"
    NONE = "none"


class CategorySet(StrEnum):
    """A set of categories that Payymo brings along."""

    BUSINESS = "business"
    HOUSEHOLD = "household"


class ReviewReason(StrEnum):
    """Why a transaction that people worked on needs another look: the bank restated it."""

    SPLITS_UNBALANCED = "splits_unbalanced"
    OVER_ALLOCATED = "over_allocated"


class ChangeKind(StrEnum):
    """What a sync run did to a transaction that was known."""

    REWRITTEN = "rewritten"
    FOUND = "found"
    MISSING = "missing"
    CLOSED = "closed"
    REMOVED = "removed"
    REVERTED = "reverted"


class Completeness(StrEnum):
    """Whether a bank gave all the days that it was asked for."""

    COMPLETE = "complete"
    CUT = "cut"


class ProofStatus(StrEnum):
    """Whether a day of an account adds up: opening balance and booked rows to the closing one."""

    PROVED = "proved"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ProofReason(StrEnum):
    """Why nothing can be said of a day's arithmetic."""

    NO_BALANCE = "no_balance"
    PENDING_BALANCE = "pending_balance"
    DAY_NOT_OVER = "day_not_over"
    NOT_COVERED = "not_covered"
    WITHIN_DAY = "within_day"
    OTHER_DAYS = "other_days"
    OTHER_CURRENCIES = "other_currencies"
    NOT_RUNNING = "not_running"


class CheckStatus(StrEnum):
    """How a check of the installation came out."""

    OK = "ok"
    ATTENTION = "attention"
    FAILED = "failed"


class SuspectKind(StrEnum):
    """How a single row would explain that a day does not add up."""

    DOUBLED = "doubled"
    TWIN_MISSING = "twin_missing"
    LEFT_OUT = "left_out"
    SIGN_REVERSED = "sign_reversed"


class ReplayVerdict(StrEnum):
    """What becomes of a transaction when its account's raw rows are entered anew."""

    KEPT = "kept"
    CHANGED = "changed"
    ADDED = "added"
    WOULD_DUPLICATE = "would_duplicate"
    WOULD_LOSE = "would_lose"


class TransactionSort(StrEnum):
    """In which order transactions are listed; rows that are equal go by their ids."""

    NEWEST_FIRST = "-transaction_date"
    OLDEST_FIRST = "transaction_date"
    LARGEST_FIRST = "-amount"
    SMALLEST_FIRST = "amount"


class MatchSort(StrEnum):
    """In which order matches are listed; of equally sure ones the latest comes first."""

    LATEST_FIRST = "-created_at"
    SUREST_FIRST = "-confidence"
    TEACHING_MOST_FIRST = "-teaches"


class Direction(StrEnum):
    """Which way money went, seen from the account (ISO 20022 CreditDebitCode, in words)."""

    CREDIT = "credit"
    DEBIT = "debit"


class IdentityTier(StrEnum):
    """By which evidence a pulled row was recognised as one that we have."""

    NEW = "new"
    PAYLOAD = "payload"
    TRUSTED_ID = "trusted_id"
    INTERNAL_ID = "internal_id"
    TRANSACTION_ID = "transaction_id"
    CONTENT = "content"
    RESTATED = "restated"
    PENDING_BOOKED = "pending_booked"


class TransactionMatchStatus(StrEnum):
    """How far a transaction is explained by invoices."""

    UNMATCHED = "unmatched"
    SUGGESTED = "suggested"
    PARTIALLY_MATCHED = "partially_matched"
    MATCHED = "matched"


class InvoiceStatus(StrEnum):
    """How far an invoice is settled; ``written_off`` when nobody paid any of it."""

    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    WRITTEN_OFF = "written_off"
    VOID = "void"


class MatchStatus(StrEnum):
    """Where a match between a payment and its invoices stands."""

    SUGGESTED = "suggested"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    REVERSED = "reversed"
    WITHDRAWN = "withdrawn"


class MatchOrigin(StrEnum):
    """Who proposed a match."""

    ENGINE = "engine"
    MANUAL = "manual"


class MatchScope(StrEnum):
    """How much a matching looked at: everything, or what had changed."""

    FULL = "full"
    NEWS = "news"


class GateDemand(StrEnum):
    """What a match needs to be applied by itself.

    ``issued_reference`` lets through nothing but exact amounts for a reference that we issued;
    ``proven_precision`` lets through others as well, once the tenant's decisions have shown that
    the threshold keeps its promise.
    """

    ISSUED_REFERENCE = "issued_reference"
    PROVEN_PRECISION = "proven_precision"


class WaitReason(StrEnum):
    """Why a match is not applied by itself, the plainest first."""

    SWITCHED_OFF = "switched_off"
    TIE = "tie"
    BELOW_THRESHOLD = "below_threshold"
    EQUAL_SIBLING = "equal_sibling"
    AMOUNT_LEFT_OVER = "amount_left_over"
    TAKEN_BACK = "taken_back"
    BOOKS_DIFFERENCE = "books_difference"
    ONE_SIGNAL_ONLY = "one_signal_only"
    PRECISION_REFUTED = "precision_refuted"
    PRECISION_UNPROVEN = "precision_unproven"
    REFERENCE_DEMANDED = "reference_demanded"


class AdjustmentKind(StrEnum):
    """Why less money settles an invoice than was invoiced."""

    BANK_FEE = "bank_fee"
    PROCESSOR_FEE = "processor_fee"
    DISCOUNT = "discount"
    ROUNDING = "rounding"
    EXCHANGE_DIFFERENCE = "exchange_difference"
    WITHHOLDING = "withholding"
    WRITE_OFF = "write_off"


class CreditKind(StrEnum):
    """Where a customer's credit comes from."""

    OVERPAYMENT = "overpayment"
    PREPAYMENT = "prepayment"
    CREDIT_NOTE = "credit_note"


class CreditUseKind(StrEnum):
    """What became of a customer's credit."""

    APPLIED = "applied"
    REFUNDED = "refunded"
    WRITTEN_OFF = "written_off"


class LineStatus(StrEnum):
    """Whether what was booked counts."""

    BOOKED = "booked"
    REVERSED = "reversed"


class DocumentKind(StrEnum):
    """What a line of a file of invoices is."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceFileFormat(StrEnum):
    """How a file of invoices is written."""

    CSV = "csv"
    JSON_LINES = "json_lines"


class EvidenceKind(StrEnum):
    """A signal that speaks for or against a match."""

    STRUCTURED_REFERENCE = "structured_reference"
    INVOICE_NUMBER = "invoice_number"
    INVOICE_NUMBER_DIGITS = "invoice_number_digits"
    END_TO_END_ID = "end_to_end_id"
    AMOUNT_EXACT = "amount_exact"
    AMOUNT_SUM = "amount_sum"
    AMOUNT_PART = "amount_part"
    AMOUNT_OVER = "amount_over"
    PAYER_IBAN = "payer_iban"
    PAYER_NAME = "payer_name"
    NAME_IN_TEXT = "name_in_text"
    CUSTOMER_NUMBER = "customer_number"
    DATE = "date"
    OPEN_ITEMS = "open_items"
    AGREEMENT = "agreement"
    COMPETITION = "competition"
    CONTRADICTION = "contradiction"
    PRIOR = "prior"


class Signal(StrEnum):
    """Which part of a payment speaks plainly for a match, by itself."""

    REFERENCE = "reference"
    AMOUNT = "amount"
    PAYER = "payer"


class AmountClass(StrEnum):
    """How the amount of a payment relates to what is open."""

    EXACT = "exact"
    ROUNDED = "rounded"
    DISCOUNT = "discount"
    LATE_DISCOUNT = "late_discount"
    PROCESSOR_FEE = "processor_fee"
    BANK_FEE = "bank_fee"
    INSTALMENT = "instalment"
    SHARE = "share"
    PART = "part"
    ROUNDED_UP = "rounded_up"
    TIP = "tip"
    DOUBLE = "double"
    SURCHARGE = "surcharge"
    SLIGHTLY_OVER = "slightly_over"
    FAR_OVER = "far_over"
    INSTRUCTED = "instructed"
    NEAR_MID_RATE = "near_mid_rate"
    FAR_FROM_MID_RATE = "far_from_mid_rate"


class DifferenceKind(StrEnum):
    """Where the difference between a payment and what is open belongs."""

    ROUNDING = "rounding"
    DISCOUNT = "discount"
    BANK_FEE = "bank_fee"
    PROCESSOR_FEE = "processor_fee"
    EXCHANGE = "exchange"
    CREDIT = "credit"


class RunStatus(StrEnum):
    """How a run (a sync, a matching) went."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"


class FaultKind(StrEnum):
    """Whose matter a failure is, and so what is to be done.

    ``ours`` stops and is told: Payymo asked wrongly, or whoever runs this installation has to act
    (credentials, allow-list, plan). ``consent`` needs the account holder; ``quota`` waits for its
    time; ``bank`` is tried again ever less often; ``account`` concerns that account alone.
    ``interrupted`` is nobody's mistake: the work was cut short and is taken up again by itself.
    """

    OURS = "ours"
    CONSENT = "consent"
    QUOTA = "quota"
    BANK = "bank"
    ACCOUNT = "account"
    INTERRUPTED = "interrupted"


class FaultReach(StrEnum):
    """What a failure says nothing good can be asked of, for now."""

    CALL = "call"
    ACCOUNT = "account"
    CONNECTION = "connection"


class SyncRemark(StrEnum):
    """Why a sync that succeeded brought nothing new, the most noteworthy first."""

    NO_ACCOUNT = "no_account"
    STALE_ANSWER = "stale_answer"
    EMPTY_ANSWER = "empty_answer"
    QUIET = "quiet"
    ALL_KNOWN = "all_known"


class SyncTrigger(StrEnum):
    """Why a sync was started."""

    FIRST = "first"
    SCHEDULE = "schedule"
    REQUEST = "request"
    RENEWAL = "renewal"
    REPLAY = "replay"
    REVERSAL = "reversal"


class RateSource(StrEnum):
    """Who says what a currency is worth."""

    ECB = "ecb"
    OVERRIDE = "override"


class RateOrigin(StrEnum):
    """How reference rates came in."""

    FILE = "file"
    DOWNLOAD = "download"


class JobKind(StrEnum):
    """What a background job does."""

    SYNC = "sync"
    MATCH = "match"
    CATEGORISE = "categorise"
    BUILD = "build"


class JobStatus(StrEnum):
    """Where a background job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BuildKind(StrEnum):
    """Whether a build of the warehouse read every row, or those that had changed."""

    FULL = "full"
    INCREMENTAL = "incremental"


class BandBasis(StrEnum):
    """What the band of a forecast is as wide as."""

    BACK_TEST = "back_test"
    DAILY_SWINGS = "daily_swings"
    NONE = "none"


class ColumnKind(StrEnum):
    """What a column of a dataset holds."""

    ID = "id"
    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    NUMBER = "number"
    DATE = "date"
    TIMESTAMP = "timestamp"


class FilterOperator(StrEnum):
    """How a column of a dataset is compared with what is asked for."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    CONTAINS = "contains"
    IS_NULL = "is_null"


class AggregateFunction(StrEnum):
    """What many rows of a dataset are summed up to."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    COUNT_DISTINCT = "count_distinct"


class RowFormat(StrEnum):
    """How rows of a dataset are written."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
