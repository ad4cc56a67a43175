using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>
/// The 256 printable characters that stand for bytes in byte-level vocabularies (GPT-2): printable Latin-1 as itself, the rest from U+0100 on.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_chars = MakeChars();
    private static readonly short[] s_bytes = MakeBytes();

    public static ReadOnlySpan<char> Chars => s_chars;

    /// <summary>The byte that a character stands for, or -1.</summary>
    public static int ByteOf(char c) => c < s_bytes.Length ? s_bytes[c] : -1;

    /// <summary>The text's UTF-8 bytes, written in the alphabet.</summary>
    public static string Map(ReadOnlySpan<char> text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return string.Create(bytes.Length, bytes, static (target, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                target[i] = s_chars[source[i]];
            }
        });
    }

    private static char[] MakeChars()
    {
        var chars = new char[256];
        int next = 256;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            chars[b] = printable ? (char)b : (char)next++;
        }

        return chars;
    }

    private static short[] MakeBytes()
    {
        var bytes = new short[512];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++)
        {
            bytes[s_chars[b]] = (short)b;
        }

        return bytes;
    }
}
