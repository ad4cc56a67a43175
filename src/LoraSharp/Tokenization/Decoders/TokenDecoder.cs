using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>A step from tokens to text: it changes the list of tokens, whose concatenation after the last step is the text.</summary>
internal abstract class TokenDecoder
{
    public abstract List<string> Decode(List<string> tokens);
}

/// <summary>One decoder after another.</summary>
internal sealed class SequenceDecoder(IReadOnlyList<TokenDecoder> parts) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens)
    {
        foreach (TokenDecoder part in parts)
        {
            tokens = part.Decode(tokens);
        }

        return tokens;
    }
}

/// <summary>A decoder that treats each token by itself; the function gets the token, its index and the number of tokens.</summary>
internal sealed class MapDecoder(Func<string, int, int, string> map) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            tokens[i] = map(tokens[i], i, tokens.Count);
        }

        return tokens;
    }
}

/// <summary>Joins all tokens.</summary>
internal sealed class FuseDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens) => [string.Concat(tokens)];
}

/// <summary>Byte-level tokens to bytes, and those to text; a token with another character is its own text.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override List<string> Decode(List<string> tokens)
    {
        var bytes = new List<byte>();
        foreach (string token in tokens)
        {
            int before = bytes.Count;
            foreach (char c in token)
            {
                int b = ByteAlphabet.ByteOf(c);
                if (b < 0)
                {
                    bytes.RemoveRange(before, bytes.Count - before);
                    bytes.AddRange(Encoding.UTF8.GetBytes(token));
                    break;
                }

                bytes.Add((byte)b);
            }
        }

        // .NET replaces each maximal invalid part by one U+FFFD, as the reference does.
        return [Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes))];
    }
}

/// <summary>Runs of tokens such as <c>&lt;0xE2&gt;</c> to text; a run that is not valid UTF-8 becomes one U+FFFD for each byte.</summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    public override List<string> Decode(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        var run = new List<byte>();
        foreach (string token in tokens)
        {
            if (token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
                && char.IsAsciiHexDigit(token[3]) && char.IsAsciiHexDigit(token[4]))
            {
                run.Add(Convert.FromHexString(token.AsSpan(3, 2))[0]);
            }
            else
            {
                Flush(run, result);
                result.Add(token);
            }
        }

        Flush(run, result);
        return result;
    }

    private static void Flush(List<byte> run, List<string> result)
    {
        if (run.Count == 0)
        {
            return;
        }

        byte[] bytes = [.. run];
        run.Clear();
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            result.Add(s_strict.GetString(bytes));
        }
        else
        {
            result.AddRange(Enumerable.Repeat("\uFFFD", bytes.Length));
        }
    }
}

/// <summary>Replaces every match of a pattern, in each token.</summary>
internal sealed class ReplaceDecoder(TextPattern pattern, string content) : TokenDecoder
{
    private readonly ReplaceNormalizer _replace = new(pattern, content);

    public override List<string> Decode(List<string> tokens)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            tokens[i] = _replace.Apply(tokens[i]);
        }

        return tokens;
    }
}

/// <summary>CTC: repeated tokens once, no padding, word delimiters as spaces.</summary>
internal sealed class CtcDecoder(string padToken, string wordDelimiter, bool cleanup) : TokenDecoder
{
    public override List<string> Decode(List<string> tokens)
    {
        var result = new List<string>();
        string? last = null;
        foreach (string token in tokens)
        {
            if (token == last)
            {
                continue;
            }

            last = token;
            string text = DecoderParts.Replace(token, padToken, "");
            if (cleanup)
            {
                text = DecoderParts.Replace(DecoderParts.CleanUp(text), wordDelimiter, " ");
            }

            if (text.Length > 0)
            {
                result.Add(text);
            }
        }

        return result;
    }
}
