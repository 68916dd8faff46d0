"""What payers write around a number, in the languages of sixteen countries."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """Words of one language.

    :ivar invoice: In front of an invoice's number.
    :ivar customer: In front of a customer's number.
    :ivar order: In front of an order's or quote's number.
    :ivar dated: In front of a date.
    :ivar filler: Texts that say nothing.
    :ivar recurring: What a period follows.
    :ivar prepaid: Paid ahead, or on account.
    :ivar part: In part.
    :ivar months: January to December.
    """

    invoice: tuple[str, ...]
    customer: tuple[str, ...]
    order: tuple[str, ...]
    dated: tuple[str, ...]
    filler: tuple[str, ...]
    recurring: tuple[str, ...]
    prepaid: tuple[str, ...]
    part: tuple[str, ...]
    months: tuple[str, ...]


def _phrases(*lists: str) -> Phrases:
    """Return the lists, in the order of the fields."""
    return Phrases(*(tuple(words.split("|")) for words in lists))


_ENGLISH = _phrases(
    "Invoice|Inv|inv no|Invoice no.|Your invoice|INV:|Bill|Our ref",
    "Account|Client|A/C no|Cust no|Customer",
    "PO|Order|Quote|P/O no.",
    "dated|of|dd",
    "Thank you|Payment|Services|With thanks|BACS payment|Settlement|Paid",
    "Subscription|Monthly fee|Rent|Retainer|Hosting",
    "On account|Deposit|Prepayment|Payment in advance",
    "Part payment|1st half|Instalment|Balance to follow",
    "Jan|Feb|March|April|May|June|July|Aug|Sept|Oct|Nov|Dec",
)
_GERMAN = _phrases(
    "Rechnung|Rechnungsnr.|RgNr|Re-Nr.|Rechn.|Ihre Rechnung Nr.|Beleg|RN",
    "Kundennr.|KdNr|Kunde|Kd.-Nr.:",
    "Auftrag|Bestellung|Angebot Nr.|Best.-Nr.",
    "vom|v.|Datum",
    "Danke|Zahlung|Überweisung|Leistung|Wie vereinbart|Dienstleistung",
    "Miete|Abo|Wartung|Honorar|Beitrag",
    "Anzahlung|Vorauszahlung|Akonto|Abschlag",
    "Teilzahlung|Rate|Restbetrag folgt|Abschlagszahlung zu",
    "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
)
_DUTCH = _phrases(
    "Factuur|Factuurnr.|Fact.|Uw factuur|Faktuurnummer|Nota",
    "Klantnr.|Debiteur|Klant|Relatienr",
    "Bestelling|Order|Offerte",
    "d.d.|van|datum",
    "Betaling|Bedankt|Voldaan|Diensten|Conform afspraak",
    "Huur|Abonnement|Contributie|Onderhoud",
    "Aanbetaling|Voorschot|Vooruitbetaling",
    "Deelbetaling|Termijn|1e deel",
    "jan|feb|maart|april|mei|juni|juli|aug|sept|okt|nov|dec",
)
_FRENCH = _phrases(
    "Facture|Fact.|Fact n°|Votre facture|Règlement facture|FA|Réf.",
    "Client|N° client|Code client",
    "Commande|Cde|Devis",
    "du|en date du",
    "Règlement|Paiement|Merci|Prestations|Virement",
    "Loyer|Abonnement|Cotisation|Honoraires",
    "Acompte|Avance|Provision",
    "Acompte sur|Solde partiel|1ère échéance",
    "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
)
_ITALIAN = _phrases(
    "Fattura|Fatt.|Ft.|Saldo fattura|Vs. fattura n.|Pagamento ft",
    "Cliente|Cod. cliente",
    "Ordine|Preventivo|Ord.",
    "del|dd.",
    "Pagamento|Saldo|Grazie|Bonifico|Servizi",
    "Affitto|Abbonamento|Canone|Quota",
    "Acconto|Anticipo|Caparra",
    "Acconto su|Prima rata|Rata",
    "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre",
)
_SPANISH = _phrases(
    "Factura|Fra.|Fact.|Pago factura|Nº factura|FRA",
    "Cliente|Nº cliente",
    "Pedido|Presupuesto",
    "de|fecha",
    "Pago|Gracias|Transferencia|Servicios",
    "Alquiler|Suscripción|Cuota|Mantenimiento",
    "Anticipo|Señal|A cuenta",
    "Pago parcial|Primer plazo|Plazo",
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre",
)
_SWEDISH = _phrases(
    "Faktura|Fakt.|Fakturanr|Er faktura|Fnr",
    "Kundnr|Kund|Kundnummer",
    "Order|Offert|Best.nr",
    "daterad|av den",
    "Betalning|Tack|Tjänster|Inbetalning",
    "Hyra|Abonnemang|Medlemsavgift|Service",
    "Förskott|Handpenning|A conto",
    "Delbetalning|Del 1|Avbetalning",
    "januari|februari|mars|april|maj|juni|juli|augusti|september|oktober|november|december",
)
_NORWEGIAN = _phrases(
    "Faktura|Fakturanr|Fakt.|Faktnr.",
    "Kundenr|Kunde",
    "Ordre|Tilbud",
    "av|datert",
    "Betaling|Takk|Tjenester",
    "Leie|Abonnement|Kontingent",
    "Forskudd|Depositum|A konto",
    "Delbetaling|Avdrag",
    "januar|februar|mars|april|mai|juni|juli|august|september|oktober|november|desember",
)
_DANISH = _phrases(
    "Faktura|Fakturanr.|Fakt|Regning",
    "Kundenr.|Kunde|Debitor",
    "Ordre|Tilbud|Rekv.nr.",
    "af|dateret",
    "Betaling|Tak|Ydelser|Overførsel",
    "Husleje|Abonnement|Kontingent",
    "Forudbetaling|Depositum|Aconto",
    "Delbetaling|Rate 1|Afdrag",
    "januar|februar|marts|april|maj|juni|juli|august|september|oktober|november|december",
)
_FINNISH = _phrases(
    "Lasku|Laskunro|Lasku nro|Laskunnumero",
    "Asiakas|Asiakasnro",
    "Tilaus|Tarjous",
    "pvm|päivätty",
    "Maksu|Kiitos|Palvelut",
    "Vuokra|Jäsenmaksu|Tilausmaksu",
    "Ennakko|Ennakkomaksu|Käsiraha",
    "Osamaksu|Erä 1",
    "tammi|helmi|maalis|huhti|touko|kesä|heinä|elo|syys|loka|marras|joulu",
)
_PORTUGUESE = _phrases(
    "Fatura|Fat.|FT|Pagamento fatura|Fact.",
    "Cliente|N. cliente",
    "Encomenda|Orçamento",
    "de|data",
    "Pagamento|Obrigado|Serviços",
    "Renda|Mensalidade|Assinatura",
    "Adiantamento|Sinal|Por conta",
    "Pagamento parcial|Prestação",
    "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro",
)
_ESTONIAN = _phrases(
    "Arve|Arve nr|Arvenumber",
    "Klient|Kliendi nr",
    "Tellimus|Pakkumine",
    "kuupäev",
    "Makse|Tänan|Teenus",
    "Üür|Kuumaks|Liikmemaks",
    "Ettemaks|Käsiraha",
    "Osamakse",
    "jaanuar|veebruar|märts|aprill|mai|juuni|juuli|august|september|oktoober|november|detsember",
)

PHRASES = {
    "GB": _ENGLISH, "IE": _ENGLISH, "DE": _GERMAN, "AT": _GERMAN, "CH": _GERMAN, "NL": _DUTCH,
    "BE": _DUTCH, "FR": _FRENCH, "IT": _ITALIAN, "ES": _SPANISH, "SE": _SWEDISH, "NO": _NORWEGIAN,
    "DK": _DANISH, "FI": _FINNISH, "PT": _PORTUGUESE, "EE": _ESTONIAN,
}  # fmt: skip

#: Of what strangers pay.
STRANGERS = (
    "donation|loan repayment|gift|birthday|holiday|Kaution|cadeau|Spende|rimborso spese|"
    "lön mars|expenses|"
    "Nebenkosten|remboursement|tickets|Flohmarkt|school trip|Auslagen|bike|second hand"
).split("|")
TAXES = (
    "TAX REFUND|STEUERERSTATTUNG|VERSICHERUNGSLEISTUNG SCHADEN|INTEREST|ZINSEN|TERUGGAAF|"
    "REMBOURSEMENT TVA|"
    "SKATTEÅTERBÄRING|INSURANCE CLAIM|RENTE|DIVIDEND|RIMBORSO IVA"
).split("|")
OFFICES = (
    "HMRC|FINANZKASSE NORD|BELASTINGDIENST|DGFIP|SKATTEVERKET|SKATTEETATEN|MUTUAL INSURANCE PLC|"
    "ALLGEMEINE VERSICHERUNG AG|AGENZIA ENTRATE|SAVINGS BANK"
).split("|")
TRANSFERS = (
    "own transfer|Umbuchung|Übertrag|transfer to savings|eigen overboeking|virement interne|"
    "giroconto|egen överföring|"
    "sweep|Liquiditätsausgleich"
).split("|")
REFUNDS = (
    "REFUND|RETURNED|RÜCKLASTSCHRIFT|STORNO|GUTSCHRIFT ZURÜCK|RETOUR|TERUGBETALING|"
    "ÅTERBETALNING|RIMBORSO|DEVOLUCIÓN"
).split("|")
