"""Finds functions, their lengths and parameters in C++ text, without a compiler: comments, strings and
preprocessor lines are blanked, then braces are followed. A length is counted from the line of the
opening brace to that of the closing one, lambdas inside included. Knows no limit."""

import dataclasses
import re

_TOKEN = re.compile(
    r'(?P<raw>R"(?P<tag>[^()\\\s]{0,16})\((?:.|\n)*?\)(?P=tag)")'
    r'|(?P<comment>//(?:[^\n\\]|\\(?:.|\n))*|/\*(?:.|\n)*?\*/)'
    r'|(?P<string>"(?:\\(?:.|\n)|[^"\\\n])*")'
    r"|(?P<number>\b\d[\w.']*)"
    r"|(?P<char>'(?:\\.[^'\n]*|[^'\\\n])')")


@dataclasses.dataclass
class Function:
    name: str
    line: int  # of the opening brace, or of the end of a declaration
    length: int  # in lines; 0 for a declaration
    parameters: int


def blank(text):
    """The text with comments, literals and preprocessor lines blanked; line numbers are kept."""
    def replace(match):
        newlines = '\n' * match.group(0).count('\n')
        if match.lastgroup == 'number':
            return match.group(0).replace("'", '')
        return ('""' if match.lastgroup in ('raw', 'string', 'tag') else ' ') + newlines

    lines, continued = [], False
    for line in _TOKEN.sub(replace, text).split('\n'):
        directive = continued or line.lstrip().startswith('#')
        continued = directive and line.rstrip().endswith('\\')
        lines.append('' if directive else line)
    return '\n'.join(lines)


def _closing(text, start):
    """The index after the bracket that closes the one at `start`; len(text) where none does."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] in '([{':
            depth += 1
        elif text[i] in ')]}':
            depth -= 1
            if depth == 0:
                return i + 1
    return len(text)


def _without_template_headers(text):
    """The signature without `template <...>`, whose commas and parentheses are not its parameters'."""
    while match := re.search(r'\btemplate\s*<', text):
        depth, i = 1, match.end()
        while i < len(text) and depth:
            depth += {'<': 1, '>': -1}.get(text[i], 0)
            i += 1
        text = text[:match.start()] + text[i:]
    return text


_NOT_A_NAME = {'decltype', 'noexcept', 'alignas', 'requires', 'explicit', '__attribute__', 'sizeof',
               'if', 'while', 'for', 'switch', 'return', 'static_assert', 'asm', 'WEFT_ASSERT'}
_NAME = re.compile(r'(operator\s*(?:\(\s*\)|\[\s*\]|[^\s\w(]+|[\w:]+(?:\s*[*&])*)|~?[A-Za-z_]\w*(?:::~?\w+)*)\s*$')


def signature(text):
    """(name, number of parameters) of the declarator in `text`, or None where it is no function's."""
    text = _without_template_headers(text)
    at = 0
    while (open_at := text.find('(', at)) >= 0:
        if re.search(r'\boperator\s*$', text[:open_at]):
            at = _closing(text, open_at)
            open_at = text.find('(', at)
            if open_at < 0:
                return None
        name = _NAME.search(text[:open_at])
        end = _closing(text, open_at)
        if name and name.group(1) not in _NOT_A_NAME:
            return name.group(1), _count(text[open_at + 1:end - 1])
        at = end
    return None


def _count(parameters):
    if parameters.strip() in ('', 'void'):
        return 0
    depth, count = 0, 1
    for i, character in enumerate(parameters):
        if character in '([{<':
            depth += 1
        elif character in ')]}' or (character == '>' and parameters[i - 1:i] != '-'):
            depth -= 1
        elif character == ',' and depth == 0:
            count += 1
    return count


_TYPE = re.compile(r'\b(class|struct|union|enum)\b')
_AFTER_PARAMETERS = re.compile(r'\)\s*(const|noexcept|override|final|mutable|&|->[^{;]*|\s)*$')


# A member's braces in a constructor's initializer list: `A(int x) : x_`.
_MEMBER = re.compile(r'\)\s*(noexcept\s*)?:(?!:)(.|\n)*[\w>]\s*$')


def _kind(text, stack):
    """What the block after `text` is: 'function', 'type', 'namespace' or 'inner'."""
    if any(kind in ('function', 'inner') for kind, *_ in stack):
        return 'inner'
    text = _without_template_headers(text)
    if re.search(r'\b(namespace|extern\s*"")\s*[\w:\s]*$', text):
        return 'namespace'
    if _TYPE.search(text) and not _AFTER_PARAMETERS.search(text):
        return 'type'
    return 'function' if '(' in text and not _MEMBER.search(text) else 'inner'


def functions(text):
    """Every function of a file: definitions, and declarations (length 0)."""
    text = blank(text)
    found, stack = [], []
    since, line, parentheses = 0, 1, 0
    for i, character in enumerate(text):
        if character == '\n':
            line += 1
        elif character == '(':
            parentheses += 1
        elif character == ')':
            parentheses = max(0, parentheses - 1)
        elif character == ';' and parentheses == 0:
            if not any(kind in ('function', 'inner') for kind, *_ in stack):
                found += _declaration(text[since:i], line)
            since = i + 1
        elif character == '{':
            kind = 'inner' if parentheses else _kind(text[since:i], stack)
            stack.append((kind, line, text[since:i], parentheses))
            if kind != 'inner':
                since, parentheses = i + 1, 0
        elif character == '}' and stack:
            kind, begin, head, parentheses = stack.pop()
            if kind == 'function':
                name, count = signature(head) or ('?', 0)
                found.append(Function(name, begin, line - begin + 1, count))
            if kind != 'inner' or not parentheses and not _is_initializer(text, i):
                since = i + 1
    return found


def _is_initializer(text, closing):
    """Whether more of the same declaration follows a closed brace, as in `A::A() : x_{1} {`."""
    return text[closing + 1:closing + 200].lstrip()[:1] in (',', '{', ';', ')')


def _declaration(text, line):
    if re.search(r'^\s*(using|typedef|static_assert|friend|return)\b', text) or '(' not in text:
        return []
    before = text[:text.find('(')]
    if re.search(r'[^=!<>]=(?!=)', before) and 'operator' not in before:
        return []  # a variable with an initializer
    found = signature(text)
    return [Function(found[0], line, 0, found[1])] if found else []
