"""The arguments of commands that change how a paper looks, and which of them are text.

`SIGNATURES` gives the signature of each command, one letter per argument: s star, o optional
argument in brackets, p place in parentheses, d size without braces (`to 3cm`), m argument that
prints nothing (a length, a color, a name), t argument that prints text, which is always the last
one. `skip` reads the arguments of a signature up to the text.
"""

from typing import Protocol

_BY_SIGNATURE = {
    "": (
        "AlgoDisplayBlockMarkers AlgoDontDisplayBlockMarkers and backmatter balance begingroup bf "
        "bfseries bgroup BibitemOpen BibitemShut bigbreak bigskip boldmath break centering "
        "cleardoublepage clearpage columnbreak DecMargin displaystyle DontPrintSemicolon dotfill "
        "doublerulesep doublespacing egroup em endfirsthead endfoot endgroup endhead endlastfoot "
        "ExplSyntaxOff ExplSyntaxOn filbreak flushbottom footnotesize frontmatter fussy goodbreak "
        "hfil hfill hfilneg Hline hline hrulefill hss Huge huge ignorespaces ignorespacesafterend "
        "IncMargin indent it itshape LARGE Large large leavevmode LinesNotNumbered LinesNumbered "
        "LinesNumberedHidden listoffigures listoftables listoftodos mainmatter makeatletter "
        "makeatother makeglossaries makenoidxglossaries maketitle maketitlesupplementary mdseries "
        "medbreak medskip newblock newpage "
        "nl nobreak NoCaptionOfAlgo nocorr noindent nolinenumbers nonumber normalcolor normalfont "
        "normalsize notag null onecolumn onehalfspacing phantomsection printindex PrintSemicolon "
        "protect raggedbottom raggedleft raggedright relax rm rmdefault rmfamily sc "
        "scriptscriptstyle scriptsize scriptstyle scshape selectfont SetAlgoLined SetAlgoLongEnd "
        "SetAlgoNoEnd SetAlgoNoLine SetAlgoShortEnd SetAlgoVlined SetFillComment SetNoFillComment "
        "SetSideCommentLeft SetSideCommentRight sf sfdefault sffamily ShowLn singlespacing sl "
        "sloppy slshape small smallbreak smallskip st strut tableofcontents textstyle thickhline "
        "tiny titlefont topsep unboldmath unskip upshape Urlmuskip vfil vfill vss"
    ),
    "t": (
        "bibfield bibfnamefont bibnamefont caps centerline clap doublebox emph fbox hl leftline "
        "llap lowercase MakeLowercase MakeTextLowercase MakeTextUppercase MakeUppercase mathclap "
        "mathllap mathrlap mbox Ovalbox ovalbox reflectbox rightline rlap shadowbox so sout "
        "textbf textit textlf textmd textnormal textrm textsc textsf textsl textulc textup ul "
        "uline underline uppercase uuline uwave"
    ),
    "dt": "hbox vbox vcenter vtop",
    "mt": "adjustbox bibinfo hyperlink hypertarget",
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
        "acmVolume acmYear acsetup algsetup authorrunning bibAnnoteFile bibliographyfullrefs "
        "bibliographystyle bibpreamble citestyle copyrightyear date decmargin editor fontencoding "
        "fontfamily fontseries fontshape geometry graphicspath hhline hphantom hypersetup "
        "hyphenation icmltitlerunning incmargin journal linespread lstset markright mathtoolsset "
        "mdfsetup needspace newlength nllabel nlset noalign orcid orcidID orcidlink pagenumbering "
        "pagestyle pdfinfo pgfplotsset phantom ResetInOut RestyleAlgo runauthor runtitle "
        "selectlanguage setacronymstyle SetAlCapFnt SetAlCapSty SetAlFnt SetAlgoCaptionSeparator "
        "SetAlgoInsideSkip SetAlgoNlRelativeSize SetAlgoSkip SetArgSty setcitestyle SetCommentSty "
        "setcopyright SetDataSty SetFuncSty SetKwSty SetNlSkip setstretch SetVlineSkip "
        "shortauthors shorttitle sisetup tcbset tcbuselibrary theoremstyle thispagestyle tikzset "
        "urlstyle usepgfplotslibrary usetikzlibrary vphantom Xhline"
    ),
    "sm": "enlargethispage hspace vspace",
    "som": "adjincludegraphics captionsetup",
    "soom": "includegraphics",
    "mm": (
        "addtolength AtBeginEnvironment AtEndEnvironment Crefformat crefformat "
        "DeclareGraphicsRule DeclareUnicodeCharacter fontsize markboth PackageWarning SetInd "
        "setlength settodepth settoheight settowidth Xcline"
    ),
    "mmm": (
        "addcontentsline addtocontents SetAlgorithmName SetNlSty SetStartEndCondition specialrule"
    ),
    "smmmmo": "titlespacing",
    "omomm": "colorlet",
    "ommm": "acmConference definecolor providecolor",
    "om": (
        "acmJournal algnotext arrayrulecolor ccsdesc cellcolor cfoot chead documentstyle "
        "fancyfoot fancyhead index lfoot lhead received rfoot rhead rowfont setmainfont "
        "setmonofont setsansfont tabucline titlerunning"
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
