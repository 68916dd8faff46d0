import pytest

from payymo.providers.gocardless.texts.payees import name_in


@pytest.mark.parametrize(
    ("text", "payee"),
    [
        # English
        ("CARD PAYMENT TO CORNER SHOP ON 12 JAN", "CORNER SHOP"),
        ("PAYMENT Harbour Cafe", "Harbour Cafe"),
        ("FPS, Ann Example, Lunch", "Ann Example"),
        ("POSC12JAN HARDWARE STORE", "HARDWARE STORE"),
        ("GAS COMPANY SEPA DD", "GAS COMPANY"),
        ("VDP-BOOK SHOP", "BOOK SHOP"),
        ("0543 06JAN25 BOOK SHOP", "BOOK SHOP"),
        ("Credit card payment", "Credit card payment"),
        ("DIRECT DEBIT PAYMENT", "DIRECT DEBIT PAYMENT"),
        ("Payment received thank you", "Payment received thank you"),
        ("Card no: xxxx xxxx xxxx 1234, BOOK SHOP", "BOOK SHOP"),
        # French
        ("CARTE 03/07 MARCHE BIO", "MARCHE BIO"),
        ("PAIEMENT CB 0307 LIBRAIRIE", "LIBRAIRIE"),
        ("PRLV SEPA ENERGIE SA", "ENERGIE SA"),
        ("VIR INST Mme Exemple", "Mme Exemple"),
        ("VIREMENT EN VOTRE FAVEUR DE: EXEMPLE SARL", "EXEMPLE SARL"),
        ("VIR SEPA RECU /DE EXEMPLE SARL /MOTIF FACTURE 12 /REF 1", "EXEMPLE SARL"),
        ("PAIEMENT PAR CARTE X1234 LIBRAIRIE 10/01", "LIBRAIRIE"),
        ("FLEURISTE GENT Paiement avec Bancontact 03-09", "FLEURISTE GENT"),
        # German
        ("Bezahlung Karte MC/00001POS 12 K001 12.12. 23:59GASTHAUS\\\\WIEN", "GASTHAUS"),
        ("Dauerauftrag an Vermieter", "Vermieter"),
        ("Buchladen//Bonn/DE", "Buchladen"),
        # Dutch
        ("BLOEMEN BV Betaling met Google Pay 5127 04XX", "BLOEMEN BV"),
        # Italian
        ("BONIFICO o/c: ESEMPIO SRL ABI-CAB: 1", "ESEMPIO SRL"),
        ("ADDEBITO SDD ACQUA SPA N: 12 ID:3", "ACQUA SPA"),
        ("PAGAMENTO PRESSO BAR ROMA", "BAR ROMA"),
        ("BONIFICO A VOSTRO FAVORE DISPOSTO DA: MITT. VERDI ANNA BENEF. X", "VERDI ANNA"),
        ("PAGAMENTO POS LIBRERIA Operazione carta ****1 del 1", "LIBRERIA"),
        ("HAI INVIATO UN BONIFICO A ANNA VERDI - affitto", "ANNA VERDI"),
        ("Bonifico a vs favore *VERDI SRL SALDO FT 12", "VERDI SRL"),
        ("BOLLETTINO 1 CREDITORE: COMUNE", "COMUNE"),
        # Spanish, Portuguese
        ("COMPRA TARJ. 4000XXXXXXXX1234 FRUTERIA", "FRUTERIA"),
        ("TRANSFERENCIA DE ANA EJEMPLO, CONCEPTO PISO", "ANA EJEMPLO"),
        ("Bizum payment from: ANA EJEMPLO", "ANA EJEMPLO"),
        ("COMPRAS C.DEB PADARIA", "PADARIA"),
        # Nordic, Baltic
        ("Visa køb DKK 424,00 CYKELHUS Aarhus Den 23.02", "CYKELHUS Aarhus"),
        ("KORTKÖP 250110 BOKHANDEL", "BOKHANDEL"),
        ("BOKHANDEL /25-01-10", "BOKHANDEL"),
        ("OSTO KIRJAKAUPPA VIITE 12344", "KIRJAKAUPPA"),
        ("PIRKUMS 400000******1234 28.10.2024 22.99 EUR (111) KAFEJNICA", "KAFEJNICA"),
        # Polish, Czech, Hungarian, Romanian
        ("Płatność kartą 12.01.2025 Nr karty 4000xx1234 SKLEP", "SKLEP"),
        ("PRZELEW OD FIRMA SP Z O O", "FIRMA SP Z O O"),
        ("NÁKUP DNE 10.01. PEKARSTVI", "PEKARSTVI"),
        ("Platba kartou: PEKARSTVI", "PEKARSTVI"),
        ("VÁSÁRLÁS 2025.01.10 PEKSEG", "PEKSEG"),
        ("Cumparare POS Terminal: BRUTARIE Data: 1", "BRUTARIE"),
        # Processors
        ("SumUp *Eis Laden", "Eis Laden"),
        ("GOOGLE *YouTube", "GOOGLE *YouTube"),
        # What is left over is its own name
        ("CB Exemple Conseil", "CB Exemple Conseil"),
        ("Carte Noire", "Carte Noire"),
        ("Bookshop.example 4321", "Bookshop.example 4321"),
    ],
)
def test_a_text_names_the_other_side_without_the_banks_words(text: str, payee: str) -> None:
    named = name_in([text])

    assert named is not None
    assert named.payee == payee


@pytest.mark.parametrize("text", ["12.01.2025", "+++090/9337/55493+++", "****1234", "-"])
def test_a_text_without_words_names_nobody(text: str) -> None:
    assert name_in([text]) is None


def test_a_note_and_a_day_are_told_apart_where_the_form_tells_them() -> None:
    note = name_in(["MOB, Ann Example, Lunch, and tea"])
    day = name_in(["(..1234) 2026-01-02 09:32 Kohvik\\Tartu"])

    assert note is not None
    assert day is not None
    assert (note.note, note.is_certain) == ("Lunch, and tea", True)
    assert (day.day, day.payee) == ("2026-01-02", "Kohvik")


def test_lines_that_are_references_or_kinds_are_passed_over() -> None:
    named = name_in(["Ref : 7781", "BEA, Betaalpas", "Kaashuis,PAS001"])

    assert named is not None
    assert named.payee == "Kaashuis"
