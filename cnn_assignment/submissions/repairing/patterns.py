"""What one line of a text looks like, judged by its words alone."""

from __future__ import annotations

import ast
import keyword
import re

DEFINITION = re.compile(r"[ \t]*(?:async[ \t]+)?(?:def|class)\b|[ \t]*@\w")
FUNCTION = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t]+(?P<name>\w+)")
METHOD = re.compile(r"[ \t]*(?:async[ \t]+)?def[ \t]+(?P<name>\w+)[ \t]*\([ \t]*(?:self|cls)\b")
# The first line of a method whose keyword or name is damaged.
METHOD_LIKE = re.compile(
    r"(?![ \t]*(?:assert|await|del|elif|for|if|raise|return|while|with|yield)\b)(?:[^.=#]*?|(?=.*:[ \t]*$)[^.#]*?)\b(?:def)?(?P<name>\w+)[ \t]*\([ \t]*(?:self|cls)[ \t]*[,)]"
)
# The head of a class, also where a letter or a blank of the keyword is missing.
CLASS = re.compile(
    r"[ \t]*(?:class[ \t]*|(?:[Cc]?lass?|clas|clss|cass|calss|Class)[ \t]+)(?P<name>[A-Za-z_]\w*)[ \t]*(?:$|[:(#])"
)
KEYWORD_START = re.compile(r"(?:async|class|def|from|import)\b|@\w")
GOES_ON = re.compile(r"(?:elif|else|except|finally)\b|[)\]}]")
RESULT = re.compile(r"(?:return|yield)\b")
BLOCK = re.compile(r"(?:async|elif|else|except|finally|for|if|match|try|while|with)\b")
IMPORT = re.compile(r"(?:import|from)\b")
QUOTES = re.compile(r"[ \t]*[rbuRBU]?(?:\"\"\"|''')")
NUMPY = re.compile(r"\bnumpy\b")
CONSTANT = re.compile(r"[ \t]*[A-Za-z_]\w*[ \t]*(?::[^=]*)?=[^=]")

_TWO_WORDS = re.compile(r"(?<![\w.'\"])([^\W\d]\w*)[ \t]+([^\W\d]\w*)\b")
_STATEMENT = re.compile(r"[ \t]*(?:assert|class|def|del|from|import|raise|return|yield)\b")
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")


def is_constant(line: str) -> bool:
    """Whether a line without its indent assigns a literal, or declares a name without any value."""
    if not CONSTANT.match(line):
        return False
    try:
        (statement,) = ast.parse(line).body
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            return False
        if statement.value is not None:
            ast.literal_eval(statement.value)
    except (SyntaxError, ValueError):
        return False
    return True


def is_prose(line: str) -> bool:
    """Whether two words follow each other with nothing to connect them, as no code has them."""
    if _STATEMENT.match(line):
        return False
    pairs = _TWO_WORDS.findall(_TEXT.sub(" . ", line))
    return "=" not in line and any(not keyword.iskeyword(one) and not keyword.iskeyword(two) for one, two in pairs)


def may_be_code(line: str) -> bool:
    """Whether a line may be meant as code: it is no prose, and more than a word or a literal."""
    if is_prose(line):
        return False
    try:
        body = ast.parse(line.strip()).body
    except SyntaxError:
        return "=" in line or keyword.iskeyword(line.split(maxsplit=1)[0].strip(":("))
    return not all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant) for node in body)
