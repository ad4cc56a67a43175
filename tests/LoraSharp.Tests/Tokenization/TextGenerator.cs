using System.Text;

namespace LoraSharp.Tests.Tokenization;

/// <summary>
/// Random texts that hold what tokenizers stumble over: all planes, combining marks, control characters, runs of whitespace, lone surrogates.
/// </summary>
internal sealed class TextGenerator(int seed)
{
    private static readonly string[] s_words =
    [
        "the", " patient", "Hello", " world", "don't", "I'LL", "'S", "we've", "'\u017F", "1234", "\u0664\u0662", "3.14", "\r\n", "\n\n", "\t", "  ", " ", "\u3000", "\u00A0", "!!", "-", "...",
        "\u4F60\u597D", "\u0928\u092E\u0938\u094D\u0924\u0947", "e\u0301", "\u00E9", "A\u030A", "\uD55C\uAE00", "\u1112\u1161\u11AB", "\u00BD\u00B2", "\u2167", "\U0001F600", "\U0001F44D\U0001F3FD", "\U00010348",
        "\U0001D400\U0001D7CE", "\U00020000", "\uFB01", "\uFFFD", "\uFFFE", "\u2581", "\u0120", "\u200D", "\0", "\u007F", "\u0085", "\uFEFF", "<s>", "##", "<0x41>",
    ];

    private readonly Random _random = new(seed);

    /// <summary>A text of up to so many parts.</summary>
    public string Next(int maxParts = 12, bool loneSurrogates = false)
    {
        var text = new StringBuilder();
        int parts = _random.Next(maxParts + 1);
        for (int i = 0; i < parts; i++)
        {
            switch (_random.Next(10))
            {
                case < 5:
                    text.Append(s_words[_random.Next(s_words.Length)]);
                    break;
                case 5:
                    text.Append((char)_random.Next(0x80));
                    break;
                case 6:
                    text.Append((char)_random.Next(0x80, 0x3000));
                    break;
                case 7:
                    text.Append(RandomRune(0x110000));
                    break;
                case 8:
                    text.Append(' ', _random.Next(4));
                    break;
                default:
                    text.Append(loneSurrogates ? ((char)_random.Next(0xD800, 0xE000)).ToString() : RandomRune(0x3000));
                    break;
            }
        }

        return text.ToString();
    }

    private string RandomRune(int end)
    {
        int codePoint = _random.Next(end);
        return codePoint is >= 0xD800 and < 0xE000 ? "?" : new Rune(codePoint).ToString();
    }
}
