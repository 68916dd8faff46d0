"""Invented people, companies and shops; any likeness is chance."""

from random import Random

_GIVEN = {
    "DE": "Anke Bernd Dörte Eike Falk Gesa Hauke Imke Jörg Kirsten Lutz Maike Nils Petra Uwe",
    "FR": "Aurore Benoît Céline Didier Élodie Fabrice Gaëlle Hervé Inès Joël Maëlle Noé Solène",
    "NL": "Aafke Bram Carlijn Daan Esmée Floor Gijs Hanneke Jelle Koen Lieke Marit Pim Sanne",
    "GB": "Alfie Beth Callum Daisy Ewan Fiona Gareth Hattie Imogen Jago Kerry Lewis Morag Nell",
    "FI": "Aino Eero Helmi Ilmari Jukka Kerttu Lauri Minna Niilo Oona Pekka Sirpa Tuomo Veera",
    "SE": "Arvid Birgitta Elsa Folke Gunilla Håkan Ingrid Kjell Lovisa Märta Nils Åsa Örjan Tova",
    "IT": "Agnese Bruno Chiara Dario Elisa Fabio Ginevra Ivo Lidia Mauro Nives Orazio Piera",
    "ES": "Alba Braulio Carmen Diego Elvira Fermín Gala Hugo Inés Jacinto Lola Moisés Nuria",
}
_HOME = {
    "DE": "DE", "AT": "DE", "CH": "DE", "FR": "FR", "BE": "NL", "NL": "NL", "GB": "GB",
    "IE": "GB", "FI": "FI", "EE": "FI", "SE": "SE", "NO": "SE", "DK": "SE", "IT": "IT",
    "ES": "ES", "PT": "ES", "PL": "DE",
}  # fmt: skip
_STARTS = (
    "Bel Bran Cal Cor Dal Dor El Fen Gal Hal Hol Jan Kel Kor Lan Lin Mar Mel Nor Or Pal Quin Ras "
    "Ros Sel Stel Tal Tor Ul Ver Vin Wal Wen Yar Zel Ast Brim Drev Grav Hest Krol Morv Plen Skov"
).split()
_MIDDLES = "a e i o u an en er il on ar el in or ov ev am".split()
_ENDS = (
    "bach berg brook by dahl dorn feld ford gren ham holt hus kamp lund mark moor nau quist rath "
    "sen ska son stad stein strand thal tveit ville ward wick worth"
).split()
_TRADES = {
    "DE": "Maschinenbau Logistik Medien Gartenbau Elektrotechnik Bäckerei Reisen Software Bau",
    "FR": "Conseil Menuiserie Voyages Éditions Logiciels Bâtiment Traiteur Mécanique Textiles",
    "NL": "Bouw Bloemen Transport Ontwerp Advies Installatie Horeca Scheepvaart Techniek",
    "GB": "Joinery Consulting Marine Catering Software Engineering Publishing Haulage Design",
    "FI": "Rakennus Konepaja Kuljetus Ohjelmisto Leipomo Puutarha Suunnittelu Matkailu",
    "SE": "Bygg Konsult Mekaniska Trädgård Reklam Fastigheter Snickeri Programvara Fiske",
    "IT": "Meccanica Viaggi Arredi Informatica Edilizia Alimentari Grafica Tessuti Marmi",
    "ES": "Construcciones Viajes Informática Muebles Cerámica Transportes Diseño Aceites",
}
_FORMS = {
    "DE": ("GmbH", "GmbH & Co. KG", "AG", "e.K."), "AT": ("GmbH", "OG"), "CH": ("AG", "GmbH"),
    "FR": ("SARL", "SAS", "SA"), "BE": ("BV", "NV"), "NL": ("B.V.", "N.V.", "VOF"),
    "GB": ("Ltd", "Limited", "LLP", "PLC"), "IE": ("Ltd", "DAC"), "FI": ("Oy", "Oyj", "Tmi"),
    "SE": ("AB", "HB"), "NO": ("AS", "ENK"), "DK": ("ApS", "A/S"), "IT": ("S.r.l.", "S.p.A."),
    "ES": ("S.L.", "S.A."), "EE": ("OÜ",),
}  # fmt: skip
_SIBLINGS = ("Services", "Holding", "Nord", "Group", "International")

SHOPS = (
    "Brimhof Market", "Koppelmann Foods", "Fennick & Daughters", "Halvard Fish", "Orvale Bakery",
    "Quillon Books", "Tindra Pharmacy", "Selvik Petrol", "Marnwick Cinema", "Pellan Shoes",
    "Dorrit Garden Centre", "Yarrow Hardware",
)  # fmt: skip
CAFES = ("Morvella Coffee", "Kafé Lindgrav", "Brewhouse Talwick")


def surname(chance: Random) -> str:
    """Return a family name that sounds like one."""
    return (chance.choice(_STARTS) + chance.choice(_MIDDLES) + chance.choice(_ENDS)).capitalize()


def person(country: str, chance: Random) -> str:
    """Return a person's name as it is said in a country."""
    given = _GIVEN[_HOME.get(country, "GB")].split()
    return f"{chance.choice(given)} {surname(chance)}"


def company(country: str, chance: Random) -> str:
    """Return a company's name with its legal form."""
    trade = chance.choice(_TRADES[_HOME.get(country, "GB")].split())
    form = chance.choice(_FORMS.get(country, ("Ltd",)))
    return f"{surname(chance)} {trade} {form}"


def sibling(name: str, chance: Random) -> str:
    """Return a near-identical name: another company of the same house."""
    head, _, form = name.rpartition(" ")
    return f"{head} {chance.choice(_SIBLINGS)} {form}"


def without_form(name: str) -> str:
    """Return a company's name without its legal form."""
    for forms in _FORMS.values():
        for form in sorted(forms, key=len, reverse=True):
            if name.endswith(f" {form}"):
                return name.removesuffix(f" {form}")
    return name
