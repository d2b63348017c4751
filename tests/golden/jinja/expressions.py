"""Seeded random templates around expressions, most of them sensible and some not."""

import random

CONTEXT = {
    "s": "Hello, World",
    "empty": "",
    "uni": "naïve ΣΑΣ straße 你好 👩‍👩‍👧 ǆ",
    "lines": "one\n  two\r\nthree\n\nfour\n",
    "spaces": "  \t padded text \n ",
    "html": "<a href=\"x\">Tom & 'Jerry'</a>",
    "num": "42",
    "neg": "-7.5e1",
    "think": "<think>\nplan\n</think>\n\nanswer",
    "i": 7,
    "zero": 0,
    "minus": -13,
    "big": 1234567,
    "f": 3.75,
    "g": -12345.678,
    "tiny": 1e-7,
    "whole": 2.0,
    "yes": True,
    "no": False,
    "nothing": None,
    "words": ["banana", "apple", "Cherry", "apple"],
    "nums": [3, 1, 2, 10, -4],
    "mixed": [1, "two", 3.0, None, True, [4], {"k": 5}],
    "nested": [[1, 2], [3, [4, 5]], []],
    "pairs": [["a", 1], ["b", 2]],
    "none_list": [],
    "d": {"name": "get_weather", "items": 3, "zeta": 1, "alpha": [1, 2], "Beta": {"x": "y"}},
    "empty_dict": {},
    "users": [
        {"name": "Zoe", "age": 31, "city": "Rome", "tags": ["x"]},
        {"name": "adam", "age": 25, "city": "rome"},
        {"name": "Bob", "age": 31, "city": "Oslo", "admin": True},
    ],
    "schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["a", "é"]}, "n": {"type": ["integer", "null"]}},
        "required": ["city"],
    },
}

STRINGS = ["s", "empty", "uni", "lines", "spaces", "html", "num", "neg", "think",
           "'abc'", "'a,b,,c'", "\"it's\"", "'%s-%s'", "'x\\ty\\n'", "'{}:{}'", "'ǅ İ ß'", "'  '", "'aXbXc'"]
INTS = ["i", "zero", "minus", "big", "1", "2", "3", "-1", "0", "10", "255"]
FLOATS = ["f", "g", "tiny", "whole", "1.5", "-0.0", "2.5", "1e16", "123456.789", "0.1"]
BOOLS = ["yes", "no", "true", "false"]
LISTS = ["words", "nums", "mixed", "nested", "pairs", "none_list", "users", "[1,2,3]", "['b','a']",
         "range(4)", "(1, 'x')", "[none, true, 2.5]", "d.keys()", "d.values()", "[[]]", "range(5, 0, -2)"]
DICTS = ["d", "empty_dict", "users[0]", "schema", "{'a': 1, 2: 'b', none: 3.0, true: []}", "{'x': {'y': [1]}}"]
OTHERS = ["nothing", "none", "missing", "d.nope", "users[9]"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, probability):
        return self.random.random() < probability

    def any(self, depth):
        kind = self.pick("string", "string", "int", "float", "bool", "list", "list", "dict", "other")
        return getattr(self, kind)(depth)

    def noisy(self, kind, depth):
        """Mostly of the kind, sometimes of any."""
        return self.any(depth) if self.chance(0.06) else getattr(self, kind)(depth)

    def other(self, depth):
        return self.random.choice(OTHERS)

    def string(self, depth):
        if depth <= 0 or self.chance(0.25):
            return self.random.choice(STRINGS)
        s = lambda: self.noisy("string", depth - 1)
        n = lambda: self.noisy("int", 0)
        a = lambda: self.any(depth - 1)
        lit = lambda: self.pick("','", "' '", "'\\n'", "'a'", "'l'", "'</think>'", "''", "'ß'", "'apple'", "'X'")
        r = self.random.randrange(44)
        if r < 10:
            m = self.pick("upper", "lower", "strip", "lstrip", "rstrip", "title", "capitalize", "swapcase", "casefold")
            return f"({s()}).{m}()"
        if r < 13:
            m = self.pick("strip", "lstrip", "rstrip", "removeprefix", "removesuffix")
            return f"({s()}).{m}({lit()})"
        if r < 15:
            return f"({s()}).replace({lit()}, {lit()}{self.pick('', ', 1', ', -1', ', 2')})"
        if r < 17:
            return f"({s()})[{self.slice(depth)}]"
        if r < 20:
            f = self.pick("upper", "lower", "trim", "title", "capitalize", "string", "reverse", "e", "safe", "escape",
                          "forceescape", "urlencode")
            return f"({s()})|{f}"
        if r < 22:
            return f"({a()})|tojson" + self.pick("", "", "", "(indent=2)", "(ensure_ascii=true)", "(sort_keys=true)",
                                                  "(separators=(',', ':'))", "(indent=4, sort_keys=true)", "(true)")
        if r < 24:
            return f"({a()})|string"
        if r < 27:
            return f"({s()} {self.pick('+', '~', '~')} {s()})"
        if r < 28:
            return f"({s()} * {n()})"
        if r < 29:
            return f"({self.list(depth - 1)})|join" + self.pick("", "(', ')", "(lines)", "('-', attribute='name')", "('<')")
        if r < 30:
            return f"({lit()}).join({self.pick('words', '[s, num]', 'nums', repr(['p', 'q']))})"
        if r < 31:
            return f"({s()})|replace({lit()}, {lit()}{self.pick('', ', 1')})"
        if r < 32:
            return f"({s()})|indent" + self.pick("", "(2)", "(2, true)", "('> ', blank=true)", "(width=1, first=true)")
        if r < 33:
            return f"({s()})|truncate({self.pick('3', '5', '8, true', '9, false, end=s[:2]', '7, leeway=0', '4, true, lit')})"
        if r < 34:
            return f"({s()})|center({self.pick('20', '3', '9')})"
        if r < 36:
            return f"'{self.pick('%s', '%d', '%5.2f', '%-8s|', '%05d', '%x', '%r', '%+d', '%e', '%g', '%%', '%.3s', '%#x', '%i', '%o', '%X', '% d', '%c', '%8.3e', '%s %s', '%(name)s')}' % {self.pick(n(), self.float(0), '(' + s() + ',)', self.any(0), 'd', '(1, 2)')}"
        if r < 37:
            return f"'{self.pick('{}', '{0}', '{:>8}', '{:<6}|', '{:^9}', '{:.2f}', '{:05d}', '{:,}', '{:x}', '{!r}', '{0[0]}', '{:+}', '{:e}', '{:%}', '{:b}', '{:_}', '{:*^12}', '{:.3}', '{:g}', '{0}{0}', '{}{}', '{:010.3f}', '{:08,}')}'.format({self.any(0)})"
        if r < 38:
            return f"{self.pick('%s=%s', '%s', '%d')!r}|format({self.pick(a(), s() + ', ' + n(), n())})"
        if r < 39:
            return f"({s()}).{self.pick('zfill', 'ljust', 'rjust', 'center')}({self.pick('8', '3', '12')}{self.pick('', '', '')})"
        if r < 40:
            return f"({s()})[{n()}]"
        if r < 41:
            return f"(({s()}).{self.pick('split', 'rsplit', 'splitlines', 'partition', 'rpartition')}({self.pick('', lit(), lit())}))[{self.pick('0', '-1', '1')}]"
        if r < 42:
            return f"({s()} if {self.bool(depth - 1)} else {s()})"
        if r < 43:
            return f"({s()})|default({lit()}{self.pick('', ', true')})"
        return f"({s()}).expandtabs({self.pick('', '4')})"

    def slice(self, depth):
        part = lambda: self.pick("", "", "0", "1", "2", "-1", "-2", "3", "100", "-100", "zero")
        text = f"{part()}:{part()}"
        return text + (f":{self.pick('', '1', '2', '-1', '-2', '3')}" if self.chance(0.35) else "")

    def int(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.random.choice(INTS)
        n = lambda: self.noisy("int", depth - 1)
        r = self.random.randrange(12)
        if r < 4:
            return f"({n()} {self.pick('+', '-', '*', '//', '%')} {n()})"
        if r < 5:
            return f"({self.any(depth - 1)})|length"
        if r < 7:
            return f"({self.any(depth - 1)})|int{self.pick('', '', '(5)', '(default=-1)', '(0, 16)', '(base=2)')}"
        if r < 8:
            return f"({self.string(depth - 1)}).{self.pick('find', 'count', 'rfind', 'index')}({self.pick(repr('a'), repr('l'), repr(''))})"
        if r < 9:
            return f"({self.pick('nums', 'words', '[1, 2.5, true]', 'users|map(attribute=' + repr('age') + ')')})|{self.pick('sum', 'max', 'min', 'first', 'last', 'count')}"
        if r < 10:
            return f"(-{n()})"
        if r < 11:
            return f"({n()})|{self.pick('abs', 'round', 'int')}"
        return f"({n()} ** {self.pick('0', '1', '2', '3', '-1')})"

    def float(self, depth):
        if depth <= 0 or self.chance(0.3):
            return self.random.choice(FLOATS)
        x = lambda: self.pick(self.noisy("float", depth - 1), self.int(depth - 1))
        r = self.random.randrange(8)
        if r < 4:
            return f"({x()} {self.pick('+', '-', '*', '/', '//', '%')} {x()})"
        if r < 5:
            return f"({self.any(depth - 1)})|float{self.pick('', '(1.5)')}"
        if r < 7:
            return f"({x()})|round{self.pick('', '(1)', '(2)', '(2, ' + repr('floor') + ')', '(method=' + repr('ceil') + ')', '(-1)')}"
        return f"({x()})|abs"

    def bool(self, depth):
        if depth <= 0 or self.chance(0.15):
            return self.random.choice(BOOLS)
        a = lambda: self.any(depth - 1)
        r = self.random.randrange(16)
        if r < 3:
            kind = self.pick("int", "float", "string", "list")
            return f"({self.noisy(kind, depth - 1)} {self.pick('<', '<=', '>', '>=', '==', '!=')} {self.noisy(kind, depth - 1)})"
        if r < 5:
            return f"({a()} {self.pick('==', '!=')} {a()})"
        if r < 8:
            test = self.pick("defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false",
                             "mapping", "sequence", "iterable", "callable", "lower", "upper", "odd", "even", "escaped",
                             "sameas none", "divisibleby 3", "in [1, 'a', none]", "eq 2", "filter", "test", "gt(2)", "ne 'a'")
            return f"({a()}) is {self.pick('', '', 'not ')}{test}"
        if r < 10:
            return f"({self.string(depth - 1)} {self.pick('in', 'not in')} {self.pick(self.string(depth - 1), self.list(depth - 1), self.dict(0))})"
        if r < 11:
            return f"(not {a()})"
        if r < 13:
            return f"({a()} {self.pick('and', 'or')} {a()})"
        if r < 15:
            m = self.pick("startswith", "endswith")
            return f"({self.string(depth - 1)}).{m}({self.pick(repr('He'), repr('ld'), repr(''), '(' + repr('a') + ', ' + repr('H') + ')', 's')})"
        m = self.pick("isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "istitle", "isnumeric", "isdecimal",
                      "isidentifier", "isprintable", "isascii")
        return f"({self.string(depth - 1)}).{m}()"

    def list(self, depth):
        if depth <= 0 or self.chance(0.25):
            return self.random.choice(LISTS)
        l = lambda: self.noisy("list", depth - 1)
        r = self.random.randrange(24)
        if r < 2:
            return f"({l()} + {l()})"
        if r < 4:
            return f"({l()})[{self.slice(depth)}]"
        if r < 6:
            return f"({self.string(depth - 1)}).{self.pick('split', 'rsplit', 'splitlines')}({self.pick('', '', repr(','), repr(' ') + ', 1', repr('a'))})"
        if r < 8:
            f = self.pick("list", "sort", "reverse|list", "unique|list", "sort(reverse=true)", "sort(case_sensitive=true)",
                          "map('upper')|list", "map('string')|list", "select|list", "reject('none')|list",
                          "select('string')|list", "select('gt', 1)|list", "map('length')|list", "batch(2)|list",
                          "slice(2)|map('list')|list", "batch(3, 'fill')|list", "reject('in', [1, 2])|list",
                          "map('tojson')|list", "map('default', 'x', true)|list", "first", "last", "min", "max")
            return f"({l()})|{f}"
        if r < 12:
            f = self.pick("map(attribute='name')|list", "selectattr('admin')|list", "rejectattr('admin', 'defined')|list",
                          "selectattr('age', 'gt', 30)|map(attribute='name')|list", "sort(attribute='name')|map(attribute='name')|list",
                          "sort(attribute='age,name')|map(attribute='name')|list", "groupby('city')|list",
                          "groupby('age')|map('first')|list", "map(attribute='tags', default=[])|list", "map(attribute='tags.0')|list",
                          "sum(attribute='age')", "unique(attribute='age')|map(attribute='name')|list", "max(attribute='age')",
                          "groupby('city', case_sensitive=true)|map(attribute='grouper')|list", "selectattr('name', 'in', ['Zoe', 'Bob'])|list")
            return f"users|{f}"
        if r < 14:
            return f"({self.dict(depth - 1)})|{self.pick('list', 'dictsort', 'items|list', 'dictsort(by=' + repr('value') + ')', 'dictsort(reverse=true)', 'length')}"
        if r < 16:
            return f"({self.dict(depth - 1)}).{self.pick('keys', 'values', 'items')}(){self.pick('', '|list')}"
        if r < 18:
            return f"({l()} * {self.pick('2', '0', '-1')})"
        if r < 19:
            return f"({l()})[{self.int(0)}]"
        if r < 21:
            return f"[{self.any(depth - 1)}, {self.any(depth - 1)}]"
        if r < 22:
            return f"({self.any(depth - 1)}, {self.any(depth - 1)})"
        if r < 23:
            return f"({self.string(depth - 1)})|list"
        return f"range({self.int(0)}{self.pick('', ', ' + self.int(0))})|list"

    def dict(self, depth):
        if depth <= 0 or self.chance(0.4):
            return self.random.choice(DICTS)
        r = self.random.randrange(6)
        if r < 2:
            return f"{{{self.pick(repr('k'), '1', 's', '(1, 2)')}: {self.any(depth - 1)}, 'z': {self.any(depth - 1)}}}"
        if r < 3:
            return f"dict({self.pick('d', 'pairs', 'a=1')}{self.pick('', ', q=' + self.any(0))})"
        if r < 4:
            return f"({self.dict(depth - 1)}).copy()"
        if r < 5:
            return f"({self.dict(depth - 1)}).get({self.pick(repr('name'), repr('nope'), repr('x'))}{self.pick('', ', {}')})"
        return f"({self.dict(depth - 1)}){self.pick('.Beta', '.name', '[' + repr('alpha') + ']', '.items', '[' + repr('items') + ']', '.properties.city')}"

    def template(self):
        r = self.random.randrange(20)
        e = lambda: self.any(self.random.randrange(1, 4))
        if r < 15:
            return f"{{{{ {e()} }}}}"
        if r < 16:
            return f"{{% if {self.bool(2)} %}}A{{% elif {e()} %}}B{{% else %}}C{{% endif %}}"
        if r < 17:
            return f"{{% for x in {self.list(2)} %}}{{{{ loop.index }}}}{{{{ x }}}}{{{{ ', ' if not loop.last }}}}{{% else %}}none{{% endfor %}}"
        if r < 18:
            return f"{{% set v = {e()} %}}{{{{ v }}}}|{{{{ v is {self.pick('string', 'mapping', 'sequence', 'number', 'none', 'iterable')} }}}}"
        if r < 19:
            return f"{{% for a, b in {self.pick('pairs', 'd.items()', 'd|dictsort', 'd|items', self.list(1))} %}}{{{{ a }}}}={{{{ b|tojson }}}};{{% endfor %}}"
        return f"{{% macro m(a, b={self.any(1)}) %}}[{{{{ a }}}}/{{{{ b }}}}]{{% endmacro %}}{{{{ m({self.any(1)}) }}}}{{{{ m({self.any(1)}, b={self.any(1)}) }}}}"
