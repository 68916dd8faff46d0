import pytest

from payymo.providers.gocardless.texts.labels import Parts, read_parts

IBAN = "NL91ABNA0417164300"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "EREF+A-1 KREF+x MREF+M CRED+C SVWZ+Rechnung 7",
            Parts(text="Rechnung 7", end_to_end_id="A-1", mandate_id="M", creditor_id="C"),
        ),
        ("SVWZ+nur Text", Parts(text="nur Text")),
        (
            f"/TRTP/SEPA/IBAN/{IBAN}/BIC/X/NAME/J JANSEN/REMI/USTD//Factuur 9/EREF/NOTPROVIDED",
            Parts(text="Factuur 9", name="J JANSEN", iban=IBAN),
        ),
        (
            f"Naam: Jan Jansen Omschrijving: Huur IBAN: {IBAN} Kenmerk: 12-3",
            Parts(text="Huur", name="Jan Jansen", iban=IBAN, end_to_end_id="12-3"),
        ),
        (
            "mandatereference:,creditorid:,remittanceinformation:Lohn 3",
            Parts(text="Lohn 3"),
        ),
        (
            "Beitrag End-to-End-Ref.: 77 Mandatsref: M",
            Parts(head="Beitrag", end_to_end_id="77", mandate_id="M"),
        ),
        (
            "Ord: ACME SRL Ben: Ugo Prova Info-Cli: saldo",
            Parts(text="saldo", payer="ACME SRL", receiver="Ugo Prova"),
        ),
        (
            "VIR SEPA RECU /DE ACME SAS /MOTIF Facture 7 /REF 9",
            Parts(head="VIR SEPA RECU", text="Facture 7", name="ACME SAS"),
        ),
        ("SVWZ+ EREF+", Parts()),
        ("A+B Company", Parts()),
        ("/only/a/path", Parts()),
        ("lunch: two", Parts()),
        ("", Parts()),
    ],
)
def test_labels_say_what_each_part_of_a_text_is(text: str, parts: Parts) -> None:
    assert read_parts(text) == parts
