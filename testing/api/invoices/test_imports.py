from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

URL = "/api/v1/invoices/imports"
CSV = {"Content-Type": "text/csv"}
JSON_LINES = {"Content-Type": "application/x-ndjson"}

HEADER = "number,customer_number,customer_name,currency,total,issue_date,due_date"
TWO = (
    f"{HEADER}\nINV-1,C-1,Example Ltd,EUR,119.00,2026-02-01,2026-03-03\n"
    "INV-2,C-1,Example Ltd,EUR,10.5,2026-02-02,\n"
)


def invoices(client: TestClient) -> list[dict[str, Any]]:
    """Return all invoices by number."""
    rows: list[dict[str, Any]] = client.get("/api/v1/invoices").json()["data"]
    return sorted(rows, key=lambda row: str(row["number"]))


def faults(client: TestClient, content: str | bytes, headers: dict[str, str]) -> list[str]:
    """Return what is said of a file that is refused whole."""
    answer = client.post(URL, content=content, headers=headers)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "validation_error"
    assert invoices(client) == []
    assert client.get("/api/v1/customers").json()["data"] == []
    return [f"{fault['field']}: {fault['message']}" for fault in error["details"]] or [
        error["message"]
    ]


class TestAFile:
    def test_is_taken_in_whole(self, member: TestClient) -> None:
        answer = member.post(URL, content=TWO, headers=CSV)

        assert answer.status_code == 201
        report = answer.json()["data"]
        assert report | {"import_id": 0} == {
            "import_id": 0,
            "dry_run": False,
            "filename": None,
            "invoice_count": 2,
            "credit_note_count": 0,
            "customer_count": 1,
        }
        first, second = invoices(member)
        assert (first["number"], first["total"], first["due_date"]) == (
            "INV-1",
            "119.00",
            "2026-03-03",
        )
        assert (second["number"], second["total"], second["due_date"]) == (
            "INV-2",
            "10.50",
            None,
        )
        assert first["customer_id"] == second["customer_id"]
        assert first["customer_name"] == "Example Ltd"
        assert first["import_id"] == report["import_id"]

    def test_leaves_a_record_at_its_address(self, member: TestClient) -> None:
        answer = member.post(URL, content=TWO, headers=CSV)

        record = member.get(answer.headers["Location"]).json()["data"]

        assert record["id"] == answer.json()["data"]["import_id"]
        assert (record["invoice_count"], record["customer_count"]) == (2, 1)
        assert member.get(URL).json()["data"] == [record]

    @pytest.mark.parametrize(
        ("name", "media_type"),
        [
            ("invoices.csv", "application/octet-stream"),
            ("INVOICES.CSV", "application/vnd.ms-excel"),
            ("invoices", "text/csv; charset=utf-8"),
        ],
    )
    def test_may_come_in_a_form(self, member: TestClient, name: str, media_type: str) -> None:
        answer = member.post(URL, files={"file": (name, TWO.encode(), media_type)})

        assert answer.status_code == 201
        assert answer.json()["data"]["filename"] == name
        assert len(invoices(member)) == 2

    def test_may_be_json_lines_with_exact_numbers(self, member: TestClient) -> None:
        content = (
            '{"number": "INV-1", "customer_name": "Example Ltd", "currency": "EUR",'
            ' "total": 99999999999999.99, "issue_date": "2026-02-01"}\n\n'
            '{"number": "INV-2", "customer_name": "Example Ltd", "currency": "EUR",'
            ' "total": "10.5", "issue_date": "2026-02-01"}'
        )

        raw = member.post(URL, content=content, headers=JSON_LINES)

        assert raw.status_code == 201
        assert [row["total"] for row in invoices(member)] == ["99999999999999.99", "10.50"]

    def test_of_json_lines_may_come_in_a_form(self, member: TestClient) -> None:
        content = (
            b'{"number": "INV-1", "customer_name": "X", "currency": "EUR", "total": 1,'
            b' "issue_date": "2026-02-01"}'
        )

        answer = member.post(URL, files={"file": ("invoices.jsonl", content)})

        assert answer.status_code == 201

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_may_be_written_as_office_software_does(
        self, member: TestClient, encoding: str, delimiter: str
    ) -> None:
        content = (
            "Invoice number;Customer;Currency;Total;Date;Comment\r\n"
            'INV-1;Müller & Söhne GmbH;EUR;1190.00;01.02.2026;"Größe ""L"", für Jürgen"\r\n'
        ).replace(";", delimiter)

        answer = member.post(URL, content=content.encode(encoding), headers=CSV)

        assert answer.status_code == 201, answer.text
        [row] = invoices(member)
        assert (row["customer_name"], row["total"], row["issue_date"], row["note"]) == (
            "Müller & Söhne GmbH",
            "1190.00",
            "2026-02-01",
            'Größe "L", für Jürgen',
        )

    def test_completes_a_known_customer(self, member: TestClient) -> None:
        known = {"number": "C-1", "name": "Example", "email": "a@example.com"}
        member.post("/api/v1/customers", json=known)

        report = member.post(URL, content=TWO, headers=CSV).json()["data"]

        assert report["customer_count"] == 0
        [customer] = member.get("/api/v1/customers").json()["data"]
        assert (customer["name"], customer["email"]) == ("Example Ltd", "a@example.com")


class TestADryRun:
    @pytest.mark.parametrize("place", ["query", "form"])
    def test_says_what_the_file_would_bring_and_keeps_nothing(
        self, member: TestClient, place: str
    ) -> None:
        answer = member.post(
            URL,
            params={"dry_run": "true"} if place == "query" else {},
            files={"file": ("a.csv", TWO.encode())},
            data={"dry_run": "true"} if place == "form" else {},
        )

        assert answer.status_code == 200
        assert answer.json()["data"] == {
            "import_id": None,
            "dry_run": True,
            "filename": "a.csv",
            "invoice_count": 2,
            "credit_note_count": 0,
            "customer_count": 1,
        }
        assert "Location" not in answer.headers
        assert invoices(member) == []
        assert member.get(URL).json()["data"] == []

    def test_finds_the_same_faults(self, member: TestClient) -> None:
        answer = member.post(URL, params={"dry_run": "true"}, content="number\n1\n", headers=CSV)

        assert answer.status_code == 400


class TestAFaultyFile:
    def test_is_refused_with_every_fault_and_its_line(self, member: TestClient) -> None:
        content = (
            f"{HEADER}\n"
            "INV-1,C-1,Example Ltd,EUR,119.00,2026-02-01,\n"
            "INV-2,C-1,Example Ltd,EUR,-1,2026-02-30,\n"
            "INV-3,C-1,,EUX,1.001,2026-02-01,\n"
            "INV-1,C-1,Example Ltd,EUR,5.00,2026-02-01,\n"
            "INV-5,C-1,Example Ltd\n"
        )

        found = faults(member, content, CSV)

        assert [fault.partition(":")[0] for fault in found] == [
            "line 3",
            "line 3",
            "line 4",
            "line 4",
            "line 5",
            "line 6",
        ]
        assert "greater than zero" in found[0]
        assert "no such day" in found[1]
        assert "customer name is missing" in found[2]
        assert "ISO 4217" in found[3]
        assert "line 2 already" in found[4]
        assert "3 cells" in found[5]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "empty"),
            (b"\xef\xbb\xbf", "empty"),
            (HEADER.encode(), "no invoices"),
            (b"number,total\n1,2\n", "customer_name is missing"),
            (HEADER.encode() + b",Total\n", "total is there 2 times"),
            (HEADER.encode() + b'\nINV-1,"C-1,X\n', "quotes"),
            (HEADER.encode() + b"\nINV\x00-1,C,X,EUR,1,2026-02-01,\n", "NUL"),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00", ""),
        ],
    )
    def test_of_csv_says_what_is_wrong(
        self, member: TestClient, content: bytes, words: str
    ) -> None:
        assert words in " ".join(faults(member, content, CSV))

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("{", "line 1: The line is not valid JSON."),
            ("[]", "JSON object"),
            ('{"number": "1", "number": "2"}', "2 times"),
            ('{"number": "1", "colour": "red"}', "colour"),
            ('{"number": 5}', "write a text"),
            ('{"total": NaN}', "NaN"),
        ],
    )
    def test_of_json_lines_says_what_is_wrong(
        self, member: TestClient, content: str, words: str
    ) -> None:
        assert words in " ".join(faults(member, content, JSON_LINES))

    def test_with_numbers_that_are_known_changes_nothing(self, member: TestClient) -> None:
        member.post(URL, content=TWO, headers=CSV)

        answer = member.post(URL, content=TWO + "INV-3,C-2,New,EUR,1,2026-02-01,\n", headers=CSV)

        assert answer.status_code == 409
        error = answer.json()["error"]
        assert error["code"] == "duplicate"
        assert [fault["field"] for fault in error["details"]] == ["line 2", "line 3"]
        assert len(invoices(member)) == 2
        assert len(member.get("/api/v1/customers").json()["data"]) == 1


class TestARequest:
    @pytest.mark.parametrize("media_type", ["application/json", "image/png", ""])
    def test_of_another_type_is_refused(self, member: TestClient, media_type: str) -> None:
        headers = {"Content-Type": media_type} if media_type else {}

        answer = member.post(URL, content=b"x", headers=headers)

        assert answer.status_code == 415
        assert answer.json()["error"]["code"] == "unsupported_media_type"
        assert "text/csv" in answer.json()["error"]["message"]

    def test_with_a_file_of_another_type_is_refused(self, member: TestClient) -> None:
        answer = member.post(URL, files={"file": ("invoices.pdf", b"%PDF", "application/pdf")})

        assert answer.status_code == 415

    @pytest.mark.parametrize(
        ("form", "field"),
        [
            ({"data": {"dry_run": "true"}, "files": {"upload": ("a.csv", b"x")}}, "upload"),
            ({"data": {"file": "text"}, "files": {"dry_run": ("a.csv", b"x")}}, "file"),
            ({"data": {"dry_run": "maybe"}, "files": {"file": ("a.csv", b"x")}}, "dry_run"),
        ],
    )
    def test_whose_form_is_wrong_says_where(
        self, member: TestClient, form: dict[str, Any], field: str
    ) -> None:
        answer = member.post(URL, **form)

        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["error"]["details"]] == [field]

    @pytest.mark.parametrize("filename", ["a\0b.csv", f"{'a' * 252}.csv"])
    def test_whose_file_has_no_name_to_keep_says_so(
        self, member: TestClient, filename: str
    ) -> None:
        form = (
            f'--x\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
            f"{TWO}\r\n--x--\r\n"
        )
        answer = member.post(
            URL,
            content=form.encode(),
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )

        assert answer.status_code == 400
        (fault,) = answer.json()["error"]["details"]
        assert (fault["field"], "at most 255" in fault["message"]) == ("file", True)
        assert invoices(member) == []

    def test_with_two_files_is_told_how_many_there_may_be(self, member: TestClient) -> None:
        files = [("file", ("a.csv", TWO)), ("file", ("b.csv", TWO))]

        answer = member.post(URL, files=files)

        assert answer.status_code == 400
        assert "number of files is 1" in answer.json()["error"]["message"]

    def test_whose_form_is_cut_short_is_refused(self, member: TestClient) -> None:
        answer = member.post(
            URL,
            content=b"--x\r\nContent-Disposition: form-data; name=file",
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )

        assert answer.status_code == 400

    def test_that_is_too_large_is_refused(self, member: TestClient) -> None:
        answer = member.post(URL, content=bytes(32 * 2**20 + 1), headers=CSV)

        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "payload_too_large"

    def test_of_a_viewer_is_refused(self, viewer: TestClient) -> None:
        assert viewer.post(URL, content=TWO, headers=CSV).status_code == 403

    def test_repeated_with_its_key_runs_once(self, member: TestClient) -> None:
        headers = CSV | {"Idempotency-Key": str(uuid4())}

        first = member.post(URL, content=TWO, headers=headers)
        again = member.post(URL, content=TWO, headers=headers)

        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()

    def test_of_another_tenant_does_not_exist(
        self, member: TestClient, stranger: TestClient
    ) -> None:
        location = member.post(URL, content=TWO, headers=CSV).headers["Location"]

        assert stranger.get(location).status_code == 404
        assert stranger.get(URL).json()["data"] == []
