using System.Globalization;
using System.IO.Compression;
using System.Reflection;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The names of characters, for <c>\N{NAME}</c> in string literals. The table is read at the first use.</summary>
internal static class UnicodeNames
{
    private const string Resource = "LoraSharp.unicode-names.br";

    private static readonly Lazy<Dictionary<string, int>> Names = new(ReadNames);

    // Characters whose name is a prefix and their own code.
    private static readonly (string Prefix, int First, int Last)[] Coded =
    [
        ("CJK UNIFIED IDEOGRAPH-", 0x3400, 0x4DBF), ("CJK UNIFIED IDEOGRAPH-", 0x4E00, 0x9FFF), ("CJK UNIFIED IDEOGRAPH-", 0x20000, 0x3134A),
        ("CJK COMPATIBILITY IDEOGRAPH-", 0xF900, 0xFAD9), ("CJK COMPATIBILITY IDEOGRAPH-", 0x2F800, 0x2FA1D),
        ("KHITAN SMALL SCRIPT CHARACTER-", 0x18B00, 0x18CD5), ("NUSHU CHARACTER-", 0x1B170, 0x1B2FB),
    ];

    private static readonly string[] Leading = ["G", "GG", "N", "D", "DD", "R", "M", "B", "BB", "S", "SS", "", "J", "JJ", "C", "K", "T", "P", "H"];

    private static readonly string[] Vowels =
        ["A", "AE", "YA", "YAE", "EO", "E", "YEO", "YE", "O", "WA", "WAE", "OE", "YO", "U", "WEO", "WE", "WI", "YU", "EU", "YI", "I"];

    private static readonly string[] Trailing =
    [
        "", "G", "GG", "GS", "N", "NJ", "NH", "D", "L", "LG", "LM", "LB", "LS", "LT", "LP", "LH", "M", "B", "BS", "S", "SS", "NG", "J", "C", "K", "T", "P", "H",
    ];

    /// <summary>The code point of a name, in any case; null where there is none.</summary>
    public static int? Find(string name)
    {
        string upper = name.ToUpperInvariant();
        if (Names.Value.TryGetValue(upper, out int codePoint))
        {
            return codePoint;
        }

        foreach ((string prefix, int first, int last) in Coded)
        {
            if (upper.StartsWith(prefix, StringComparison.Ordinal)
                && int.TryParse(upper.AsSpan(prefix.Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code)
                && code >= first && code <= last)
            {
                return code;
            }
        }

        return FindSyllable(upper);
    }

    private static int? FindSyllable(string name)
    {
        const string Prefix = "HANGUL SYLLABLE ";
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        // Parts may begin alike, so that every division of the name is tried.
        string rest = name[Prefix.Length..];
        for (int l = 0; l < Leading.Length; l++)
        {
            for (int v = 0; v < Vowels.Length; v++)
            {
                string start = Leading[l] + Vowels[v];
                int t = rest.StartsWith(start, StringComparison.Ordinal) ? Array.IndexOf(Trailing, rest[start.Length..]) : -1;
                if (t >= 0)
                {
                    return 0xAC00 + (((l * Vowels.Length) + v) * Trailing.Length) + t;
                }
            }
        }

        return null;
    }

    /// <summary>Each line has the distance to the code point before it, in hexadecimal, and the name.</summary>
    private static Dictionary<string, int> ReadNames()
    {
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        using Stream resource = Assembly.GetExecutingAssembly().GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The resource {Resource} is missing in the assembly.");
        using var reader = new StreamReader(new BrotliStream(resource, CompressionMode.Decompress));
        int codePoint = 0;
        while (reader.ReadLine() is { } line)
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            codePoint += int.Parse(line.AsSpan(0, space), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            names[line[(space + 1)..]] = codePoint;
        }

        return names;
    }
}
