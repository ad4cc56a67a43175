using System.Text.RegularExpressions;

namespace LoraSharp.Tokenization;

/// <summary>A regular expression of Oniguruma's kind, run by .NET's engine.</summary>
internal sealed class RegexPattern : TextPattern
{
    /// <summary>No single match of a sane pattern takes this long; a hostile one ends here.</summary>
    private static readonly TimeSpan s_matchTimeout = TimeSpan.FromSeconds(10);

    private readonly Regex _regex;

    public RegexPattern(string source, bool possessiveIntervals = false)
    {
        try
        {
            _regex = new Regex(
                RegexTranslator.Translate(source, possessiveIntervals), RegexOptions.CultureInvariant | RegexOptions.Compiled, s_matchTimeout);
        }
        catch (ArgumentException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    /// <summary>The fastest pattern for an expression: one written by hand for the widespread ones.</summary>
    /// <exception cref="FormatException">The expression has a construct that is not supported, or an error.</exception>
    public static TextPattern Create(string source) => source switch
    {
        Gpt2Pattern.Source => new Gpt2Pattern(),
        Llama3Pattern.Llama3Source => new Llama3Pattern(maxDigits: 3),
        Llama3Pattern.Qwen2Source => new Llama3Pattern(maxDigits: 1),
        _ => new RegexPattern(source),
    };

    public override void FindAll(ReadOnlySpan<char> text, IntBuffer matches)
    {
        int lastEnd = -1;
        foreach (ValueMatch match in _regex.EnumerateMatches(text))
        {
            // An empty match right behind another match does not count, nor one inside a surrogate pair.
            if (match.Length == 0 && (match.Index == lastEnd || IsInsidePair(text, match.Index)))
            {
                continue;
            }

            lastEnd = match.Index + match.Length;
            matches.Add(match.Index);
            matches.Add(lastEnd);
        }
    }

    private static bool IsInsidePair(ReadOnlySpan<char> text, int index) =>
        index > 0 && index < text.Length && char.IsLowSurrogate(text[index]) && char.IsHighSurrogate(text[index - 1]);
}
