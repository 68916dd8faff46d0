"""The banks' words for the kind of a payment, which stand before the other side in a text."""

import re
from typing import Final

_WORDS: Final = {
    "English": r"""
        (?:reserved )?payment(?: to| from)?
        (?:debit |credit )?card (?:payment|purchase)(?: to| at)?
        (?:visa|maestro|mastercard|pos|contactless|online) (?:purchase|payment|debit)(?: at| to)?
        direct debit(?: payment)?(?: to)?
        (?:faster|bill) payments?(?: to| from| receipt)?
        (?:bank |online |instant )?transfer (?:to|from)
        (?:standing order|bill payment) via faster payment to
        standing order(?: to)?
        purchase(?: at)?
        365 online
        (?:sent|received) money (?:to|from)
        mobile payment(?: to| from)?
        POS
    """,
    "French": r"""
        (?:paiement|achat)(?: par)? (?:carte|CB)(?: bancaire)?
        (?:facture|ann|annul|avoir) carte
        avoir(?= \d)
        (?:carte|CB)(?= ?[\dX*])
        (?:prlv|pr[ée]l[èe]vement)(?: europ[ée]en)?(?: sepa)?(?: de)?
        vir(?:ement)?(?: (?:instantan[ée]|inst|sepa|re[çc]u|[ée]mis|permanent|europ[ée]en|web))*
        retrait(?: dab)?
        paiement (?:mobile|maestro|bancontact|sans contact|psc)
    """,
    "German": r"""
        (?:karten|girocard-?|karten-?)zahlung
        bezahlung karte
        (?:sepa-?)?(?:basis-?|firmen-?)?lastschrift(?: von)?
        (?:sepa-?)?(?:echtzeit-?)?(?:überweisung|ueberweisung)(?: an| von)?
        gutschrift(?: von)?
        dauerauftrag(?: an)?
        kaufumsatz
        kauf bei
        abbuchung
    """,
    "Dutch": r"""
        betaling (?:aan|met|via|bij)
        betaling (?:met )?(?:bancontact|maestro|kaart)(?:-?kaart)?
        aankoop(?: bancontact| maestro)?
        betaalautomaat
        (?:instant )?overschrijving (?:naar|van|aan)
        incasso(?: van)?
        betaalverzoek (?:van|aan)
        [BG]EA(?=,)
    """,
    "Italian": r"""
        pagamento (?:presso|pos|su circuito internazionale|con carta|tramite pos)
        pagamento carta(?: di debito)?
        (?:bonifico|giroconto)(?: istantaneo| sepa| estero)?(?: disposto)? (?:da|a favore di|a)
        addebito (?:diretto|sdd|carta)(?: core)?(?: disposto)?(?: a favore di)?
        sdd core
        acquisto (?:presso|pos|carta)
    """,
    "Spanish and Portuguese": r"""
        (?:compra|pago) (?:en|(?:con )?tarjeta(?: en)?|tarj\.?|m[oó]vil en|internet en)
        compra
        (?:transferencia|transf\.?)(?: inmediata| sepa)?(?: (?:de|a favor de|a|recibida de))?
        adeudo recibido(?: de)?
        (?:recibo|adeudo)(?: sepa)?(?: de)?
        TRF(?: MB WAY)?(?: P/| DE| PARA)?
        compras? c\.? ?deb
        pagamento (?:de )?servi[cç]os
    """,
    "Polish, Czech, Slovak, Hungarian": r"""
        transakcja kart[ąa](?: debetow[ąa]| kredytow[ąa]| p[łl]atnicz[ąa])?
        dop\. (?:visa|mastercard|mc)
        p[łl]atno[śs][ćc] kart[ąa]
        przelew(?: przychodz[ąa]cy| wychodz[ąa]cy)?(?: od| do)?
        zakup(?: przy użyciu karty)?(?: w)?
        platba kartou
        n[áa]kup(?: u obchodn[íi]ka)?
        kup(?:nja|ovina)
        v[áa]s[áa]rl[áa]s(?: k[áa]rty[áa]val)?
    """,
    "Nordic": r"""
        (?:visa|dankort|mastercard|mc|visa/dankort)[- ]?(?:køb|nota|varekjøp|vare|purchase)
        (?:kort|vare)(?:köp|køb|kjøp|kjöp|betaling|betalning)(?: till?)?
        mobilepay:?
        visa/dankort(?: \d{4})?
        (?:visa|dankort|mastercard)(?= ?[*X\d])
        swish(?: (?:till|från|mottagen|skickad|betalning|inbetalning))*
        betalning (?:bg|pg) [\d-]+
        autogiro
        (?:betalingsservice|bs betaling|avtalegiro)
        nettbank (?:til|fra):?
        vipps(?: (?:til|fra))?
        (?:överföring|overføring|overførsel) (?:till?|från|fra)
        ostopvm
        korttiosto
        osto
    """,
    "Baltic, Greek, Romanian": r"""
        pirkums
        pirkinys
        ost(?= \d)
        ΑΓΟΡΑ
        (?:cump[ăa]rare|plat[ăa])(?: POS| la| online)+
    """,
}

_ALTERNATIVES: Final = [
    line.strip() for words in _WORDS.values() for line in words.strip().splitlines()
]

#: A kind at the start of a text, whichever language it is in; the longest first.
KIND: Final = re.compile(
    rf"(?:{'|'.join(sorted(_ALTERNATIVES, key=len, reverse=True))})(?!\w)", re.IGNORECASE
)
