"""Invented companies and people of sixteen countries, put together from lists of our own."""

from dataclasses import dataclass

from benchmarks.matching.randomness import Source

_SIGNS = "bcdfghjklmnprstvz"
_VOWELS = "aeiou"
_CODAS = ("", "", "", "n", "r", "s", "x", "l")


@dataclass(frozen=True, slots=True)
class Tongue:
    """What names of a country are made of.

    :ivar joint: Word between two partners.
    :ivar titles: Short forms of address.
    """

    given: tuple[str, ...]
    starts: tuple[str, ...]
    ends: tuple[str, ...]
    legal: tuple[str, ...]
    trades: tuple[str, ...]
    joint: str
    titles: tuple[str, ...]


def _tongue(given: str, *parts: str) -> Tongue:
    """Return lists, split: given names, starts, ends, legal forms, trades, joint, titles."""
    starts, ends, legal, trades, joint, titles = parts
    return Tongue(
        tuple(given.split()),
        tuple(starts.split()),
        tuple(ends.split()),
        tuple(legal.split("|")),
        tuple(trades.split("|")),
        joint,
        tuple(titles.split()),
    )


_ENGLISH = _tongue(
    "Alfie Beatrix Callum Daisy Edwin Fern Gareth Harriet Imogen Jasper Kit Lorna Miles Nell Orla "
    "Percy Rhona Saul Tamsin Una Verity Wilf Isla Rory Gemma Toby",
    "Ash Brad Black Cros Drey Elm Far Gar Hather Hol Ing Kel Lang Mar Nor Oak Pen Ray Stan Thorn "
    "Under Wal Wes Whit Wood Har Brom Cal Dun Fair",
    "ley ton ford wick well man worth by field shaw den more ridge stead croft dale hurst combe "
    "leigh ward",
    "Ltd|Limited|LLP|PLC|Ltd|& Co|& Sons Ltd||",
    "Services|Building|Joinery|Foods|Motors|Design|Logistics|Dental|Brewing|Interiors|Training|"
    "Plumbing|Print|Garden Centre|Software|Holdings|Media|Catering|Property|Electrical",
    "and",
    "Mr Mrs Ms Dr",
)
_GERMAN = _tongue(
    "Almut Bodo Carsten Dörte Ekkehard Frauke Götz Heike Ingo Jörg Käthe Lutz Mareike Nils Ottilie "
    "Rüdiger Silke Thorben Ulrike Volker Wiebke Jürgen Änne Gesa",
    "Acker Bach Bären Dorn Eber Feld Grün Hart Hoh Kalten König Land Mühl Neu Ober Ritters Rosen "
    "Schön Sieben Stein Trau Unter Vogel Wald Weiß Zieg Lüb Kött Röder Buch",
    "mann bauer hofer berger müller huber heim rath stein meier egger brink hagen dorf wald häuser "
    "kamp lein ke schmidt",
    "GmbH|GmbH|GmbH & Co. KG|AG|UG (haftungsbeschränkt)|OHG|KG|e.K.|GbR|",
    "Bau|Elektrotechnik|Handel|Logistik|Metallbau|Verlag|Apotheke|Tischlerei|Gebäudereinigung|"
    "Fördertechnik|Druckerei|Bäckerei|Software|Beratung|Spedition|Gartenbau|Immobilien|Werkzeugbau",
    "und",
    "Herr Frau Hr Fr",
)
_DUTCH = _tongue(
    "Aafke Bram Coby Dirkje Egbert Floor Gijs Hanneke Ilse Joost Koen Lotte Marijn Noor Oene Pleun "
    "Roos Sjoerd Teun Wendelien Wouter Fenna Jelte",
    "Bakker Blok Brink Dijk Groen Haver Hoek Kuiper Laar Meer Molen Noord Oever Pol Riet Schoon "
    "Ster Veld Veen Water Wijn Zand Zonne Berk Duin",
    "sma stra huis man inga hof kamp berg mans huizen zijl ink horst drecht dam beek aar oord",
    "B.V.|BV|N.V.|V.O.F.|Holding B.V.|Stichting|",
    "Bouw|Transport|Installatie|Groothandel|Advies|Techniek|Horeca|Zorg|Verhuur|Schilders|Media|"
    "Hoveniers|Automatisering|Beheer|Slagerij|Makelaardij",
    "en",
    "Dhr Mevr",
)
_FRENCH = _tongue(
    "Aurélie Baptiste Cécile Damien Élodie Fabrice Geneviève Hervé Inès Jérôme Ludivine Maël "
    "Noémie "
    "Océane Régis Solène Thérèse Yannick Zoé Benoît Agnès Loïc",
    "Bel Beau Cham Char Dela Dur Fon Gail Grand Hau Lam Mar Mont Mal Per Pont Rou Ros Saint "
    "Vau Ver "
    "Ville Bou Cor Fav Lau",
    "bert din tier eau ville lard mont neuve pin sier nière court vaux champ zac let rand got vert "
    "rier",
    "SARL|S.A.R.L.|SAS|SASU|EURL|SA|SCI|et Fils|",
    "Bâtiment|Menuiserie|Transports|Boulangerie|Conseil|Électricité|Plomberie|Imprimerie|"
    "Informatique|Traiteur|Paysages|Immobilier|Cosmétiques|Vignobles|Fournitures|Pharmacie",
    "et",
    "M Mme Mlle",
)
_ITALIAN = _tongue(
    "Alessio Bianca Corrado Donatella Elio Fiammetta Gaia Ivano Lidia Mirko Niccolò Ornella Pia "
    "Rocco Silvana Tullio Ugo Vanna Zeno Loredana",
    "Ada Bal Bar Caro Col Dam Fal Fer Gal Gian Lan Mal Man Mon Nar Pal Per Ros Sal San Tar Val Ver "
    "Zan Bor Cor",
    "detti elli nelli ardi otto ucci gatti mini rini setti tori vani zetti berti boni chini dori "
    "glia ghi",
    "S.r.l.|SRL|S.p.A.|S.n.c.|S.a.s.|e figli|",
    "Costruzioni|Impianti|Alimentari|Trasporti|Arredamenti|Ceramiche|Meccanica|Servizi|Edilizia|"
    "Grafica|Consulenze|Vini|Moda|Ricambi|Farmacia",
    "e",
    "Sig Sigra",
)
_SPANISH = _tongue(
    "Álvaro Begoña Ciro Dolores Efraín Fátima Gonzalo Hernán Iñaki Jimena Lázaro Macarena Nuria "
    "Óscar Pilar Ramiro Sancho Tomás Verónica Ximena",
    "Alva Barra Bena Cala Casti Del Esca Fuen Gara Guti Hino Ibá Larra Mal Men Monte Naval "
    "Olme Pala "
    "Que Riba Sala Tala Urru Villa Zal",
    "rez dez llo zábal ruela tero rosa gón ñez mora cano lba rreta nares veda sano ntes món guera",
    "S.L.|SL|S.A.|S.L.U.|S.Coop.|e Hijos|",
    "Construcciones|Reformas|Suministros|Talleres|Alimentación|Transportes|Asesores|Instalaciones|"
    "Hostelería|Informática|Mármoles|Conservas|Clínica|Viveros",
    "y",
    "Sr Sra D Dña",
)
_SWEDISH = _tongue(
    "Åsa Björn Camilla Dag Ebba Folke Göran Hjördis Inga Jörgen Kerstin Lars Märta Nils Örjan Pär "
    "Ragnhild Sören Torbjörn Ulla Viveka",
    "Ahl Berg Björk Dal Ek Fors Gran Hag Hed Hög Kull Lind Lund Malm Nord Ny Ros Sand Sjö "
    "Skog Sten "
    "Ström Sund Väster Åker Öst",
    "gren qvist lund ström man berg dahl borg vall ås hammar löf mark rud stedt by",
    "AB|AB|HB|Ekonomisk förening|Enskild firma|",
    "Bygg|Måleri|Åkeri|Konsult|Fastigheter|Livs|Redovisning|El|Rör|Snickeri|Trädgård|Teknik|Plåt|"
    "Städ|Mekaniska",
    "och",
    "Hr Fr",
)
_NORWEGIAN = _tongue(
    "Åse Bjørg Dagfinn Eldbjørg Frøydis Gunn Håkon Ingvild Jostein Kjersti Leif Marit Njål Øystein "
    "Ragna Sølvi Torstein Unni Vidar Åshild",
    "Aas Bjørn Dal Eng Fjell Gjer Haug Holm Kvam Lang Myr Nes Rød Sand Skog Stor Sæt Tor Vik "
    "Øst Ås "
    "Berg Brek Fos",
    "land stad vik dal haug berg rud set nes heim bakken moen lien sen tvedt gård mo eid",
    "AS|AS|ANS|DA|ENK|ASA|",
    "Bygg|Rør|Elektro|Transport|Regnskap|Eiendom|Fisk|Maskin|Snekker|Kafé|Frisør|Data|Betong|"
    "Sport|Tannlege",
    "og",
    "Hr Fr",
)
_DANISH = _tongue(
    "Asger Birgit Carsten Dorthe Ejnar Fie Gorm Hanne Ib Jytte Kåre Lærke Mogens Nanna Ove "
    "Pernille "
    "Rune Søren Tove Ulrik Vibeke Åge",
    "Bak Birke Brand Dal Eng Frede Grøn Hede Holm Højer Kjær Lund Møl Nør Ravn Skov Søn Thor "
    "Ulv Vest "
    "Øster Lyng Bøg",
    "gaard sen holm bjerg strup lund toft dal kær borg bæk skov ager mark huus ler sted by",
    "ApS|A/S|I/S|IVS|K/S|",
    "Byg|Tømrer|Transport|Revision|El|VVS|Ejendomme|Bageri|Gartneri|Maskiner|Rengøring|Konsulent|"
    "Fiskeri|Møbler",
    "og",
    "Hr Fru",
)
_FINNISH = _tongue(
    "Aino Börje Eero Fanni Hilkka Ilmari Jyrki Kaarina Lempi Martti Niilo Oona Päivi Reijo "
    "Säde Tapio "
    "Urho Väinö Yrjö Ämmi",
    "Aal Hake Hei Hon Jär Kall Kor Kos Lah Lep Mäki Niemi Ojan Pel Pih Ran Rau Sal Suo Tam Uus Var "
    "Väli Yli Kivi",
    "nen konen lainen kinen lä mäki vaara niemi saari ranta kangas pää järvi salo koski la",
    "Oy|Oy|Oyj|Ky|Tmi|Osk|ry|",
    "Rakennus|Kuljetus|Sähkö|Putki|Tilitoimisto|Kiinteistöt|Leipomo|Konepaja|Puutarha|Huolto|"
    "Maalaus|Metalli|Kahvila",
    "ja",
    "Hra Rva",
)
_PORTUGUESE = _tongue(
    "Afonso Brígida Caetano Dulce Estêvão Filipa Graça Horácio Inês João Leonor Martim "
    "Natércia Otília "
    "Plácido Rosário Simão Vasco",
    "Abran Alme Ara Bar Bran Cam Car Casta Cou Fer Fon Gou Lou Ma Me Mo Nor Oli Pe Que Ri "
    "Sara Ta Vas",
    "tes da dão reira valho nheiro deiros chado veia galhães seca rães lo mões telo queira ves",
    "Lda|Lda.|S.A.|Unipessoal Lda|",
    "Construções|Transportes|Informática|Restauração|Têxteis|Cortiças|Serviços|Azulejos|Farmácia|"
    "Conservas|Mobiliário",
    "e",
    "Sr Sra",
)
_ESTONIAN = _tongue(
    "Aivar Eha Heino Ilme Jaanus Kadri Leida Märt Õie Piret Rein Silvi Tõnu Urve Ülle Vaike",
    "Aas Ilv Jõe Kal Kask Kivi Kuus Laan Leht Mets Männi Oja Põld Raud Saar Sepp Tamm Vaher Veski",
    "maa ste la pere mägi soo vere talu järv oja salu nurm saar",
    "OÜ|AS|FIE|MTÜ|",
    "Ehitus|Transport|Puit|Elekter|Kinnisvara|Raamatupidamine|Toidud|Metall|Aiandus",
    "ja",
    "Hr Pr",
)

TONGUES = {
    "GB": _ENGLISH, "IE": _ENGLISH, "DE": _GERMAN, "AT": _GERMAN, "CH": _GERMAN, "NL": _DUTCH,
    "BE": _DUTCH, "FR": _FRENCH, "IT": _ITALIAN, "ES": _SPANISH, "SE": _SWEDISH, "NO": _NORWEGIAN,
    "DK": _DANISH, "FI": _FINNISH, "PT": _PORTUGUESE, "EE": _ESTONIAN,
}  # fmt: skip
_PARTICLES = {
    "NL": ("van der ", "de ", "van ", "ter ", "van den "),
    "BE": ("De ", "Van ", "Van den "),
}
_PARTICLE_SHARE = 0.25

#: Words that a sibling of a company has more or instead.
SIBLING_WORDS = (
    "Services",
    "Holding",
    "Nord",
    "Süd",
    "Group",
    "International",
    "West",
    "2",
    "Retail",
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name in its parts.

    :ivar words: The name without its legal form; of a person, the given name first.
    :ivar legal: The legal form, or nothing.
    """

    words: str
    legal: str
    is_person: bool
    given: str = ""
    surname: str = ""

    @property
    def full(self) -> str:
        """The name as it stands on an invoice."""
        return f"{self.words} {self.legal}" if self.legal else self.words


def telling_word(words: str) -> str:
    """Return the first word of a name that is no particle."""
    return next((word for word in words.split() if word[0].isupper() and word != "De"), words)


def surname(source: Source, country: str) -> str:
    """Return a surname."""
    tongue = TONGUES[country]
    name = source.pick(tongue.starts) + source.pick(tongue.ends)
    particles = _PARTICLES.get(country)
    if particles and source.chance(_PARTICLE_SHARE):
        return source.pick(particles) + name
    return name


def person(source: Source, country: str, *, family: str | None = None) -> Name:
    """Return a person, of a family if one is named."""
    given = source.pick(TONGUES[country].given)
    last = family or surname(source, country)
    return Name(f"{given} {last}", "", is_person=True, given=given, surname=last)


def coined(source: Source) -> str:
    """Return a word that no language has, as brands are."""
    parts = [
        source.pick(_SIGNS) + source.pick(_VOWELS) + source.pick(_CODAS)
        for _ in range(source.between(2, 3))
    ]
    return "".join(parts).capitalize()


def company(source: Source, country: str) -> Name:
    """Return a company."""
    tongue = TONGUES[country]
    first = surname(source, country)
    match source.between(0, 9):
        case 0 | 1:
            words = first
        case 2:
            words = f"{first} & {surname(source, country)}"
        case 3:
            words = f"{first} {tongue.joint} {surname(source, country)}"
        case 4:
            words = f"{first}-{surname(source, country)}"
        case 5 | 6:
            words = f"{first} {source.pick(tongue.trades)}"
        case 7:
            words = f"{source.pick(tongue.trades)} {source.pick(tongue.given)} {first}"
        case 8:
            words = f"{coined(source)} {source.pick(tongue.trades)}"
        case _:
            words = coined(source)
    return Name(words, source.pick(tongue.legal), is_person=False, surname=first)
