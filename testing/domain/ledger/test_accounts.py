"""Which account is which, after a consent was renewed."""

from dataclasses import replace
from random import Random
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st
from testing.consenting_bank import an_account

from payymo.domain.banking import AccountRecord
from payymo.domain.enums import AccountType
from payymo.domain.ledger.accounts import KnownAccount, pair_accounts, pair_doubles

IBAN = "GB33BUKB20201555555555"
OTHER_IBAN = "DE89370400440532013000"

BLANK = KnownAccount(
    id=UUID(int=0),
    reference="old",
    resource_id=None,
    iban=None,
    masked_number=None,
    currency="EUR",
    account_type=AccountType.CURRENT,
    name=None,
)


def known(**fields: object) -> KnownAccount:
    return replace(BLANK, id=uuid4(), **fields)  # type: ignore[arg-type]  # a test's own fields


class TestPairAccounts:
    def test_the_providers_id_says_most(self) -> None:
        account = known(reference="same", iban=IBAN)

        pairs = pair_accounts([account], [an_account("same", iban=OTHER_IBAN)])

        assert pairs == {"same": account.id}

    def test_the_banks_id_comes_before_the_iban(self) -> None:
        one, other = known(reference="1", resource_id="r1"), known(reference="2", iban=IBAN)

        pairs = pair_accounts([one, other], [an_account("new", resource_id="r1", iban=IBAN)])

        assert pairs == {"new": one.id}

    def test_a_masked_number_counts_with_its_currency_and_before_the_name(self) -> None:
        card = known(reference="1", masked_number="4111XXXXXXXX1234", name="Other")
        named = known(reference="2", name="Card")
        record = an_account("new", masked_number="4111XXXXXXXX1234", name="Card")

        assert pair_accounts([card, named], [record]) == {"new": card.id}
        dollars = replace(record, currency="USD", name=None)
        assert pair_accounts([card], [dollars]) == {}

    def test_one_iban_with_two_currencies_is_two_accounts(self) -> None:
        euros = known(reference="1", iban=IBAN, currency="EUR")
        dollars = known(reference="2", iban=IBAN, currency="USD")

        pairs = pair_accounts(
            [euros, dollars],
            [
                an_account("a", iban=IBAN, currency="USD"),
                an_account("b", iban=IBAN, currency="EUR"),
            ],
        )

        assert pairs == {"a": dollars.id, "b": euros.id}

    def test_an_iban_is_enough_where_the_currency_is_not_known_yet(self) -> None:
        account = known(iban=IBAN, currency="EUR")

        assert pair_accounts([account], [an_account("new", iban=IBAN, currency=None)]) == {
            "new": account.id
        }

    def test_the_banks_name_for_it_comes_last(self) -> None:
        account = known(name="Giro")

        assert pair_accounts([account], [an_account("new", name="Giro")]) == {"new": account.id}

    def test_two_of_one_name_are_not_guessed_at(self) -> None:
        twins = [known(reference="1", name="Giro"), known(reference="2", name="Giro")]

        assert pair_accounts(twins, [an_account("new", name="Giro")]) == {}
        assert (
            pair_accounts(twins[:1], [an_account("a", name="Giro"), an_account("b", name="Giro")])
            == {}
        )

    def test_accounts_of_one_name_with_different_ibans_are_different(self) -> None:
        account = known(name="Giro", iban=IBAN)

        assert pair_accounts([account], [an_account("new", name="Giro", iban=OTHER_IBAN)]) == {}

    def test_each_is_claimed_once_by_the_better_evidence(self) -> None:
        account = known(reference="1", resource_id="r1", name="Giro")

        pairs = pair_accounts(
            [account], [an_account("weak", name="Giro"), an_account("strong", resource_id="r1")]
        )

        assert pairs == {"strong": account.id}


names = st.sampled_from([None, "Giro", "Savings"])
ibans = st.sampled_from([None, IBAN, OTHER_IBAN])
currencies = st.sampled_from([None, "EUR", "USD"])
resources = st.sampled_from([None, "r1", "r2"])


@st.composite
def known_accounts(draw: st.DrawFn) -> list[KnownAccount]:
    references = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=4))
    return [
        known(
            reference=reference,
            name=draw(names),
            iban=draw(ibans),
            currency=draw(currencies),
            resource_id=draw(resources),
        )
        for reference in references
    ]


@st.composite
def account_records(draw: st.DrawFn) -> list[AccountRecord]:
    references = draw(st.lists(st.sampled_from("defghi"), unique=True, max_size=4))
    return [
        an_account(
            reference,
            name=draw(names),
            iban=draw(ibans),
            currency=draw(currencies),
            resource_id=draw(resources),
        )
        for reference in references
    ]


class TestProperties:
    @given(known_accounts(), account_records())
    def test_no_account_is_claimed_twice(
        self, accounts: list[KnownAccount], records: list[AccountRecord]
    ) -> None:
        pairs = pair_accounts(accounts, records)

        assert len(set(pairs.values())) == len(pairs)
        assert set(pairs) <= {record.reference for record in records}
        assert set(pairs.values()) <= {account.id for account in accounts}

    @given(known_accounts(), account_records(), st.randoms())
    def test_the_order_does_not_matter(
        self,
        accounts: list[KnownAccount],
        records: list[AccountRecord],
        random: Random,
    ) -> None:
        shuffled = random.sample(records, len(records))

        assert pair_accounts(accounts, records) == pair_accounts(accounts[::-1], shuffled)


class TestPairDoubles:
    def test_only_what_identifies_an_account_makes_it_the_same(self) -> None:
        name, number = "Current account", "4111XXXXXXXX1234"
        by_iban = known(reference="1", iban=IBAN)
        by_resource = known(reference="2", resource_id="r2")
        alike = known(reference="3", name=name, masked_number=number)
        records = [
            an_account("a", iban=IBAN),
            an_account("b", resource_id="r2"),
            an_account("c", name=name, masked_number=number),
        ]

        doubles = pair_doubles([by_iban, by_resource, alike], records)

        assert doubles == {"a": by_iban.id, "b": by_resource.id}
