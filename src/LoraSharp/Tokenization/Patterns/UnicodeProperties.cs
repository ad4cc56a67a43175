using System.Collections.Concurrent;
using System.Globalization;

namespace LoraSharp.Tokenization;

/// <summary>Named classes of regular expressions as sets of code points.</summary>
internal static class UnicodeProperties
{
    private static readonly ConcurrentDictionary<string, CodePointSet> s_cache = new();

    private static readonly Dictionary<string, string> s_longNames = new()
    {
        ["other"] = "c", ["control"] = "cc", ["format"] = "cf", ["unassigned"] = "cn", ["privateuse"] = "co", ["surrogate"] = "cs",
        ["letter"] = "l", ["lowercaseletter"] = "ll", ["modifierletter"] = "lm", ["otherletter"] = "lo", ["titlecaseletter"] = "lt",
        ["uppercaseletter"] = "lu",
        ["mark"] = "m", ["combiningmark"] = "m", ["spacingmark"] = "mc", ["enclosingmark"] = "me", ["nonspacingmark"] = "mn",
        ["number"] = "n", ["decimalnumber"] = "nd", ["letternumber"] = "nl", ["othernumber"] = "no",
        ["punctuation"] = "p", ["connectorpunctuation"] = "pc", ["dashpunctuation"] = "pd", ["closepunctuation"] = "pe", ["finalpunctuation"] = "pf",
        ["initialpunctuation"] = "pi", ["otherpunctuation"] = "po", ["openpunctuation"] = "ps",
        ["symbol"] = "s", ["currencysymbol"] = "sc", ["modifiersymbol"] = "sk", ["mathsymbol"] = "sm", ["othersymbol"] = "so",
        ["separator"] = "z", ["lineseparator"] = "zl", ["paragraphseparator"] = "zp", ["spaceseparator"] = "zs",
        ["whitespace"] = "space",
    };

    // In the order of UnicodeCategory.
    private static readonly string[] s_categories =
    [
        "lu", "ll", "lt", "lm", "lo", "mn", "mc", "me", "nd", "nl", "no", "zs", "zl", "zp", "cc", "cf", "cs", "co",
        "pc", "pd", "ps", "pe", "pi", "pf", "po", "sm", "sc", "sk", "so", "cn",
    ];

    /// <summary>Ideographs that came after the version of the script table.</summary>
    private static readonly (int First, int Last)[] s_newerHan =
    [
        (0x4DB6, 0x4DBF), (0x9FD6, 0x9FFF), (0x2A6D7, 0x2A6DF), (0x2B735, 0x2B739), (0x2CEB0, 0x2EBE0),
        (0x2EBF0, 0x2EE5D), (0x30000, 0x3134A), (0x31350, 0x323AF), (0x16FF0, 0x16FF1),
    ];

    public static CodePointSet WhiteSpace => Find("space");

    public static CodePointSet Word => Find("word");

    /// <summary>
    /// <c>\w</c> outside of brackets: there Oniguruma asks its table for Latin-1, which counts superscript digits and fractions as well.
    /// </summary>
    public static CodePointSet BareWord { get; } = Find("word").Union(CodePointSet.OfRanges([(0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE)]));

    public static CodePointSet Digit => Find("nd");

    /// <summary>The set of a general category, a POSIX class or a script, by any spelling of its name.</summary>
    /// <exception cref="FormatException">There is no such class.</exception>
    public static CodePointSet Find(string name)
    {
        string key = string.Concat(name.Where(c => c is not (' ' or '_' or '-'))).ToLowerInvariant();
        key = s_longNames.GetValueOrDefault(key, key);
        return s_cache.GetOrAdd(key, static (k, written) => Make(k, written), name);
    }

    private static CodePointSet Make(string key, string name)
    {
        UnicodeCategory[] categories =
        [
            .. s_categories.Select((category, index) => (category, index)).Where(
                pair => pair.category == key || (key.Length == 1 && pair.category[0] == key[0]))
                .Select(pair => (UnicodeCategory)pair.index),
        ];
        if (categories.Length > 0)
        {
            return CodePointSet.OfCategories(categories);
        }

        return key switch
        {
            "any" => CodePointSet.OfRange(0, 0x10FFFF),
            "ascii" => CodePointSet.OfRange(0, 0x7F),
            "assigned" => Find("cn").Complement(),
            "space" => CodePointSet.Where(UnicodeText.IsWhiteSpace),
            "blank" => Find("zs").Union(CodePointSet.Of('\t')),
            // Regular expressions do not count the join controls, which UnicodeText.IsWord does.
            "word" => CodePointSet.Where(c => UnicodeText.IsWord(c) && c is not (0x200C or 0x200D)),
            "digit" => Find("nd"),
            "cntrl" => Find("cc"),
            "xdigit" => CodePointSet.OfRanges([('0', '9'), ('A', 'F'), ('a', 'f')]),
            "upper" => Find("lu"),
            "lower" => Find("ll"),
            "punct" => CodePointSet.Where(UnicodeText.IsPunctuation),
            "han" => CodePointSet.OfRanges(ScriptTable.Ranges("Han").Concat(s_newerHan)),
            _ => Script(key) ?? throw new FormatException(
                $"the class '{name}' is not known; general categories (L, Lu, Nd, ...), scripts (Han, Latin, ...), space, word, digit, xdigit,"
                    + " punct, upper, lower, blank, cntrl, ascii, any are"),
        };
    }

    private static CodePointSet? Script(string key)
    {
        string? script = ScriptTable.Names.FirstOrDefault(
            known => string.Equals(known.Replace("_", "", StringComparison.Ordinal), key, StringComparison.OrdinalIgnoreCase));
        return script is null ? null : CodePointSet.OfRanges(ScriptTable.Ranges(script));
    }
}
