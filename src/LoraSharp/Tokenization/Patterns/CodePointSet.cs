using System.Globalization;
using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>A set of code points (surrogates aside), which can be written as a .NET regular expression that matches whole surrogate pairs.</summary>
internal sealed class CodePointSet
{
    private const int End = 0x110000;
    private readonly List<(int First, int Last)> _ranges;

    private CodePointSet(List<(int First, int Last)> ranges) => _ranges = ranges;

    public static CodePointSet Empty { get; } = new([]);

    public IReadOnlyList<(int First, int Last)> Ranges => _ranges;

    public static CodePointSet Of(int codePoint) => OfRange(codePoint, codePoint);

    public static CodePointSet OfRange(int first, int last) => new([(first, last)]);

    public static CodePointSet OfRanges(IEnumerable<(int First, int Last)> ranges) => new(Merge(ranges));

    /// <summary>All code points for which <paramref name="contains"/> is true.</summary>
    public static CodePointSet Where(Func<int, bool> contains)
    {
        var ranges = new List<(int, int)>();
        int first = -1;
        for (int c = 0; c <= End; c++)
        {
            bool inside = c < End && c is not (>= 0xD800 and <= 0xDFFF) && contains(c);
            if (inside && first < 0)
            {
                first = c;
            }
            else if (!inside && first >= 0)
            {
                ranges.Add((first, c - 1));
                first = -1;
            }
        }

        return new CodePointSet(ranges);
    }

    public static CodePointSet OfCategories(params UnicodeCategory[] categories)
    {
        uint mask = 0;
        foreach (UnicodeCategory category in categories)
        {
            mask |= 1u << (int)category;
        }

        return Where(c => (mask >> (int)CharUnicodeInfo.GetUnicodeCategory(c) & 1) != 0);
    }

    public CodePointSet Union(CodePointSet other) => new(Merge(_ranges.Concat(other._ranges)));

    public CodePointSet Complement()
    {
        var ranges = new List<(int, int)>();
        int next = 0;
        foreach ((int first, int last) in _ranges)
        {
            if (next < first)
            {
                ranges.Add((next, first - 1));
            }

            next = last + 1;
        }

        if (next < End)
        {
            ranges.Add((next, End - 1));
        }

        return new CodePointSet(ranges);
    }

    public CodePointSet Intersect(CodePointSet other) => Complement().Union(other.Complement()).Complement();

    /// <summary>The set with the other cases of its letters (one to one; U+017F is an s, U+212A a k).</summary>
    public CodePointSet IgnoringCase()
    {
        var more = new List<(int, int)>(_ranges);
        foreach ((int first, int last) in _ranges)
        {
            // Beyond this there are no letters with cases.
            for (int c = first; c <= Math.Min(last, 0x1E943); c++)
            {
                if (c is >= 0xD800 and <= 0xDFFF)
                {
                    continue;
                }

                var rune = new Rune(c);
                more.Add((Rune.ToUpperInvariant(rune).Value, Rune.ToUpperInvariant(rune).Value));
                more.Add((Rune.ToLowerInvariant(rune).Value, Rune.ToLowerInvariant(rune).Value));
                int special = c switch
                {
                    's' or 'S' => 0x17F,
                    'k' or 'K' => 0x212A,
                    0x17F => 's',
                    0x212A => 'k',
                    0xE5 or 0xC5 => 0x212B,
                    _ => -1,
                };
                if (special >= 0)
                {
                    more.Add((special, special));
                    more.Add((char.ToUpperInvariant((char)special), char.ToUpperInvariant((char)special)));
                }
            }
        }

        return new CodePointSet(Merge(more));
    }

    /// <summary>A .NET regular expression for one code point of the set.</summary>
    public string ToRegex()
    {
        var plane0 = new StringBuilder();
        var astral = new List<string>();
        foreach ((int first, int last) in _ranges)
        {
            AppendRange(plane0, first, Math.Min(last, 0xD7FF));
            AppendRange(plane0, Math.Max(first, 0xE000), Math.Min(last, 0xFFFF));
            if (last > 0xFFFF)
            {
                AddAstral(astral, Math.Max(first, 0x10000) - 0x10000, last - 0x10000);
            }
        }

        string basic = plane0.Length > 0 ? $"[{plane0}]" : "";
        if (astral.Count == 0)
        {
            return basic.Length > 0 ? basic : "(?!)";
        }

        return $"(?:{basic}{(basic.Length > 0 ? "|" : "")}(?=[\\uD800-\\uDBFF])(?:{string.Join('|', astral)}))";
    }

    private static void AppendRange(StringBuilder text, int first, int last)
    {
        if (first <= last)
        {
            text.Append(CultureInfo.InvariantCulture, $"\\u{first:X4}");
            if (last > first)
            {
                text.Append(CultureInfo.InvariantCulture, $"-\\u{last:X4}");
            }
        }
    }

    /// <summary>A range of surrogate pairs: whole blocks of one high surrogate together, the partial ones at the ends by themselves.</summary>
    private static void AddAstral(List<string> parts, int first, int last)
    {
        int firstHigh = first >> 10;
        int lastHigh = last >> 10;
        if (firstHigh == lastHigh)
        {
            parts.Add($"\\u{0xD800 + firstHigh:X4}[\\u{0xDC00 + (first & 0x3FF):X4}-\\u{0xDC00 + (last & 0x3FF):X4}]");
            return;
        }

        if ((first & 0x3FF) != 0)
        {
            parts.Add($"\\u{0xD800 + firstHigh++:X4}[\\u{0xDC00 + (first & 0x3FF):X4}-\\uDFFF]");
        }

        if ((last & 0x3FF) != 0x3FF)
        {
            parts.Add($"\\u{0xD800 + lastHigh--:X4}[\\uDC00-\\u{0xDC00 + (last & 0x3FF):X4}]");
        }

        if (firstHigh <= lastHigh)
        {
            parts.Add($"[\\u{0xD800 + firstHigh:X4}-\\u{0xD800 + lastHigh:X4}][\\uDC00-\\uDFFF]");
        }
    }

    private static List<(int First, int Last)> Merge(IEnumerable<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>();
        foreach ((int first, int last) in ranges.OrderBy(range => range.First))
        {
            if (merged.Count > 0 && first <= merged[^1].Last + 1)
            {
                merged[^1] = (merged[^1].First, Math.Max(last, merged[^1].Last));
            }
            else
            {
                merged.Add((first, last));
            }
        }

        return merged;
    }
}
