"""What went wrong, as runs, accounts and connections remember it."""

from payymo.domain.faults import Fault
from payymo.postgres.common.models import Account, Connection


def fault_columns(fault: Fault | None) -> dict[str, object]:
    """Return what is stored of a fault, by column.

    :param fault: What went wrong; ``None`` clears what was stored.
    """
    return {
        "error_kind": fault.kind if fault else None,
        "error_code": fault.code if fault else None,
        "error_message": fault.message if fault else None,
        "error_provider_code": fault.provider_code if fault else None,
        "error_http_status": fault.http_status if fault else None,
        "error_request_id": fault.request_id if fault else None,
    }


def note_fault(row: Account | Connection, fault: Fault | None) -> None:
    """Let an account or a connection remember what went wrong.

    :param row: Row of an open session.
    :param fault: What went wrong; ``None`` where all is well again.
    """
    for column, value in fault_columns(fault).items():
        setattr(row, column, value)
