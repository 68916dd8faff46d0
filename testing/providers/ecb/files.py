"""The European Central Bank's files in their true form, with invented rates."""

import io
import zipfile

HISTORY = (
    "Date,USD,JPY,CYP,GBP,\n"
    "2026-02-27,1.0842,160.25,N/A,0.8450,\n"
    "2026-02-26,1.0831,159.9,N/A,0.8444,\n"
    "2007-12-31,1.4721,164.93,0.585274,0.73335,\n"
)
DAILY_CSV = "Date, USD, JPY, GBP, \n27 February 2026, 1.0842, 160.25, 0.8450, \n"
DAILY_XML = """<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"\
 xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
\t<gesmes:subject>Reference rates</gesmes:subject>
\t<gesmes:Sender>
\t\t<gesmes:name>European Central Bank</gesmes:name>
\t</gesmes:Sender>
\t<Cube>
\t\t<Cube time='2026-02-27'>
\t\t\t<Cube currency='USD' rate='1.0842'/>
\t\t\t<Cube currency='JPY' rate='160.25'/>
\t\t\t<Cube currency='GBP' rate='0.8450'/>
\t\t</Cube>
\t</Cube>
</gesmes:Envelope>"""
HISTORY_XML = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
    ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"><Cube>'
    '<Cube time="2026-02-27"><Cube currency="USD" rate="1.0842"/>'
    '<Cube currency="GBP" rate="0.8450"/></Cube>'
    '<Cube time="2026-02-26"><Cube currency="USD" rate="1.0831"/></Cube>'
    "</Cube></gesmes:Envelope>"
)


def zipped(content: str, *, name: str = "eurofxref-hist.csv") -> bytes:
    """Return a file in a ZIP, as the bank offers it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()
