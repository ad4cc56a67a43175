using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

public class PatternTests
{
    public static TheoryData<string> HandWritten => [Gpt2Pattern.Source, Llama3Pattern.Llama3Source, Llama3Pattern.Qwen2Source];

    [Theory, MemberData(nameof(HandWritten))]
    public void Patterns_written_by_hand_match_as_their_regular_expression_does(string source)
    {
        TextPattern byHand = RegexPattern.Create(source);
        Assert.IsNotType<RegexPattern>(byHand);
        var regex = new RegexPattern(source);
        var texts = new TextGenerator(1);
        for (int i = 0; i < 4000; i++)
        {
            string text = texts.Next();
            Assert.True(
                Matches(regex, text).SequenceEqual(Matches(byHand, text)),
                $"'{text}' ({string.Join(' ', text.Select(c => ((int)c).ToString("X4")))})");
        }
    }

    [Theory]
    [InlineData(@"\p{L}+", "a\U0001D400b1\U00020000", "a\U0001D400b|\U00020000")]
    [InlineData(@"[^\p{L}]", "a\U0001F600b", "\U0001F600")]
    [InlineData(@"\p{N}{1,3}+", "12345", "12345")] // a repetition of a repetition, in Ruby's syntax
    [InlineData(@"a++b|a", "aab aa", "aab|a|a")]
    [InlineData(@"(?i:s|k)", "sS\u017FkK\u212A", "s|S|\u017F|k|K|\u212A")]
    [InlineData(@"(?i)ab|c", "ABC", "AB|C")]
    [InlineData(@"[\p{Han}&&[^\u4E00]]+", "\u4E00\u4E8C\u4E09x", "\u4E8C\u4E09")]
    [InlineData(@"[a-c[x-z]]+", "abxyd", "abxy")]
    [InlineData(@"[[:digit:]\-]+", "1-2a", "1-2")]
    [InlineData(@"\h+", "fFg9", "fF|9")]
    [InlineData(@"^b$", "a\nb\nc", "b")]
    [InlineData(@"\w+", "\u00B2x_\u0301", "\u00B2x_\u0301")]
    [InlineData(@"[\w]+", "\u00B2x", "x")]
    [InlineData(@"\x{1F600}|\u0041", "A\U0001F600", "A|\U0001F600")]
    [InlineData(@".", "\n\U0001F600a", "\U0001F600|a")]
    [InlineData(@"\bfoo\b", "foo foobar", "foo")]
    [InlineData(@"a{,2}b", "aaab", "aab")]
    public void Regular_expressions_follow_Oniguruma(string pattern, string text, string expected) =>
        Assert.Equal(
            expected,
            string.Join(
                '|', Matches(new RegexPattern(pattern), text).Where(match => match.End > match.Start).Select(match => text[match.Start..match.End])));

    [Theory]
    [InlineData("(a", "not closed")]
    [InlineData("a)", "without a (")]
    [InlineData("[a", "not closed")]
    [InlineData("*", "nothing to repeat")]
    [InlineData(@"(a)\1", "not supported")]
    [InlineData(@"\p{NoSuchClass}", "not known")]
    [InlineData(@"[z-a]", "ends before it begins")]
    [InlineData(@"\", "ends with")]
    [InlineData(@"\x{110000}", "not a character")]
    public void Errors_of_regular_expressions_are_named(string pattern, string message) =>
        Assert.Contains(message, Assert.ThrowsAny<FormatException>(() => new RegexPattern(pattern)).Message, StringComparison.Ordinal);

    [Fact]
    public void Random_patterns_end_in_a_pattern_or_a_format_error()
    {
        var random = new Random(3);
        string[] parts = ["(", ")", "[", "]", "^", "\\p{L}", "\\", "p{", "a", "-", "&&", "*", "+", "?", "{1,2}", "{", "}", "|", "(?i", ":", "(?<", "[:alnum:]", "\\x", "$", "."];
        for (int i = 0; i < 3000; i++)
        {
            string pattern = string.Concat(Enumerable.Range(0, random.Next(8)).Select(_ => parts[random.Next(parts.Length)]));
            try
            {
                RegexTranslator.Translate(pattern);
            }
            catch (FormatException)
            {
                // The only kind of error that a pattern may end in.
            }
        }
    }

    private static List<(int Start, int End)> Matches(TextPattern pattern, string text)
    {
        var matches = new IntBuffer();
        pattern.FindAll(text, matches);
        return [.. Enumerable.Range(0, matches.Count / 2).Select(i => (matches[2 * i], matches[(2 * i) + 1]))];
    }
}
