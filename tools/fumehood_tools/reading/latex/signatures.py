"""The arguments of commands that change how a paper looks, and which of them are text.

`SIGNATURES` gives the signature of each command, one letter per argument: s star, o optional
argument in brackets, p place in parentheses, d size without braces (`to 3cm`), m argument that
prints nothing (a length, a color, a name), t argument that prints text, which is always the last
one. `skip` reads the arguments of a signature up to the text.
"""

from typing import Protocol

_BY_SIGNATURE = {
    "": (
        "and backmatter balance begingroup bf bfseries bgroup BibitemOpen BibitemShut bigbreak "
        "bigskip boldmath centering cleardoublepage clearpage columnbreak displaystyle dotfill "
        "doublerulesep doublespacing egroup em endfirsthead endfoot endgroup endhead endlastfoot "
        "ExplSyntaxOff ExplSyntaxOn filbreak flushbottom footnotesize frontmatter fussy "
        "goodbreak hfil hfill hfilneg hline Hline hrulefill hss Huge huge ignorespaces "
        "ignorespacesafterend indent it itshape large LARGE Large leavevmode listoffigures "
        "listoftables listoftodos mainmatter makeatletter makeatother maketitle "
        "maketitlesupplementary mdseries medbreak medskip newblock newpage nobreak nocorr "
        "noindent nolinenumbers nonumber normalcolor normalfont normalsize notag null onecolumn "
        "onehalfspacing phantomsection printindex protect raggedbottom raggedleft raggedright "
        "relax rm rmdefault rmfamily sc scriptscriptstyle scriptsize scriptstyle scshape "
        "selectfont sf sfdefault sffamily singlespacing sl sloppy slshape small smallbreak "
        "smallskip st strut tableofcontents textstyle thickhline tiny titlefont topsep twocolumn "
        "unboldmath unskip upshape Urlmuskip vfil vfill vss"
    ),
    "t": (
        "bibfield bibfnamefont bibnamefont caps centerline clap doublebox emph fbox hl leftline "
        "llap lowercase MakeLowercase MakeTextLowercase MakeTextUppercase MakeUppercase mathclap "
        "mathllap mathrlap mbox Ovalbox ovalbox rightline rlap shadowbox so sout textbf "
        "textit textlf textmd textnormal textrm textsc textsf textsl textup textulc ul uline "
        "underline uppercase uuline uwave"
    ),
    "dt": "hbox vbox vcenter vtop",
    "mt": "bibinfo hyperlink hypertarget adjustbox",
    "ot": "efbox makecell marginnote marginpar shortstack smash tcbox thead todo",
    "omt": "colorbox foreignlanguage rotatebox",
    "omomt": "fcolorbox",
    "poot": "framebox makebox",
    "ooomt": "parbox",
    "moot": "raisebox",
    "mot": "multirowcell multirowthead scalebox",
    "smmt": "resizebox",
    "somomot": "multirow",
    "m": (
        "acmArticle acmBooktitle acmDOI acmISBN acmMonth acmNumber acmPrice acmSubmissionID "
        "acmVolume acmYear authorrunning bibAnnoteFile bibliographyfullrefs bibliographystyle "
        "bibpreamble citestyle copyrightyear date editor fontencoding fontfamily "
        "fontseries fontshape geometry graphicspath hhline hphantom hypersetup hyphenation "
        "journal linespread lstset markright mathtoolsset mdfsetup needspace newlength "
        "noalign orcid orcidID orcidlink pagenumbering pagestyle pdfinfo pgfplotsset "
        "phantom runauthor runtitle selectlanguage setcitestyle setcopyright setstretch "
        "shortauthors shorttitle sisetup tcbset tcbuselibrary theoremstyle thispagestyle tikzset "
        "urlstyle usepgfplotslibrary usetikzlibrary vphantom Xhline"
    ),
    "sm": "enlargethispage hspace vspace",
    "som": "adjincludegraphics captionsetup",
    "soom": "includegraphics",
    "mm": (
        "AtBeginEnvironment AtEndEnvironment crefformat Crefformat DeclareGraphicsRule "
        "DeclareUnicodeCharacter fontsize markboth PackageWarning addtolength setlength "
        "settodepth settoheight settowidth Xcline"
    ),
    "mmm": "addcontentsline addtocontents specialrule",
    "smmmmo": "titlespacing",
    "omomm": "colorlet",
    "ommm": "acmConference definecolor providecolor",
    "om": (
        "acmJournal arrayrulecolor ccsdesc cellcolor cfoot chead documentstyle fancyfoot "
        "fancyhead index lfoot lhead received rfoot rhead setmonofont setmainfont "
        "setsansfont tabucline rowfont titlerunning"
    ),
    "omoo": "columncolor rowcolor",
    "somm": "DeclareFieldFormat",
    "omm": "pdfbookmark rule",
    "sommm": "rowcolors",
    "moom": "newcolumntype",
    "mo": "newcounter",
    "ommmmmm": "bibpunct",
    "smo": "setlist",
    "o": (
        "addlinespace allowdisplaybreaks bottomrule footnotemark hdashline "
        "IEEEoverridecommandlockouts linebreak linenumbers midrule morecmidrules nolinebreak "
        "nopagebreak pagebreak printacronyms printglossaries printglossary toprule"
    ),
}
SIGNATURES = {
    name: signature for signature, names in _BY_SIGNATURE.items() for name in names.split()
}

_LONGEST_SIZE = 12


class Arguments(Protocol):
    """Tokens from which arguments are read."""

    def pull(self) -> str:
        """Return the next token, or '' at the end."""

    def push(self, tokens: list[str]) -> None:
        """Put tokens in front of the remaining ones."""

    def starred(self) -> bool:
        """Return whether a star comes next; if so, remove it."""

    def optional(self) -> list[str] | None:
        """Return the contents of an argument in brackets, or None if no bracket comes next."""

    def argument(self) -> list[str]:
        """Return the next argument: the contents of a group, or a single token or letter."""


def skip(source: Arguments, signature: str) -> None:
    """Skip the arguments of a signature. An argument that prints text is left where it is."""
    for kind in signature:
        match kind:
            case "s":
                source.starred()
            case "o":
                source.optional()
            case "p":
                _skip_place(source)
            case "d":
                _skip_size(source)
            case "m":
                source.argument()


def _skip_place(source: Arguments) -> None:
    """Skip coordinates such as `(0,0)`."""
    token = source.pull()
    if not token.startswith("("):
        source.push([token] if token else [])
        return
    while token and ")" not in token:
        token = source.pull()
    rest = token.partition(")")[2]
    source.push([rest] if rest else [])


def _skip_size(source: Arguments) -> None:
    """Skip a size such as `to 3cm` before a group."""
    taken = [source.pull()]
    if taken[0].startswith(("to", "spread")):
        while taken[-1] and taken[-1] != "{" and len(taken) < _LONGEST_SIZE:
            taken.append(source.pull())
        taken = taken[-1:] if taken[-1] == "{" else taken
    source.push([token for token in taken if token])
