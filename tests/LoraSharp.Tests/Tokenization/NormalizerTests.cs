using System.Text;
using FsCheck.Xunit;
using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

public class NormalizerTests
{
    [Theory]
    [InlineData(NormalizationForm.FormC)]
    [InlineData(NormalizationForm.FormD)]
    [InlineData(NormalizationForm.FormKC)]
    [InlineData(NormalizationForm.FormKD)]
    public void Unicode_forms_are_those_of_the_platform(NormalizationForm form)
    {
        var normalizer = new UnicodeNormalizer(form);
        var texts = new TextGenerator(31);
        var random = new Random(32);
        for (int i = 0; i < 4000; i++)
        {
            // Marks of many classes behind starters, among other text. The platform refuses U+FFFE.
            string marks = string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => (char)random.Next(0x300, 0x370)));
            string text = (texts.Next(4) + "aeA\u0E33\u1100\u1161\u0915"[random.Next(7)] + marks + texts.Next(3)).Replace("\uFFFE", "", StringComparison.Ordinal);
            Assert.Equal(text.Normalize(form), normalizer.Apply(text));
        }
    }

    [Fact]
    public void Origins_follow_the_changes()
    {
        var text = new NormalizedText("xe\u0301\u0327y", track: true);
        new UnicodeNormalizer(NormalizationForm.FormC).Apply(text);
        Assert.Equal("x\u0229\u0301y", text.ToString());
        Assert.Equal([(0, 1), (1, 2), (3, 4), (4, 5)], Origins(text));

        text = new NormalizedText("a  b", track: true);
        ReplaceNormalizer.Replace(text, new LiteralPattern("  "), "__-");
        PrependNormalizer.Prepend(text, "\u2581");
        Assert.Equal("\u2581a__-b", text.ToString());
        Assert.Equal([(0, 1), (0, 1), (2, 3), (2, 3), (2, 3), (3, 4)], Origins(text));

        text = new NormalizedText("  \u0130\U0001F600 ", track: true);
        new StripNormalizer(true, true).Apply(text);
        new LowercaseNormalizer().Apply(text);
        Assert.Equal("i\u0307\U0001F600", text.ToString());
        Assert.Equal([(2, 3), (2, 3), (3, 5), (3, 5)], Origins(text));
    }

    [Property(MaxTest = 500)]
    public void Filtering_and_mapping_keep_what_they_should(string? text)
    {
        string clean = UnicodeText.WithoutLoneSurrogates(text ?? "");
        string expected = string.Concat(clean.EnumerateRunes().Where(rune => !UnicodeText.IsMark(rune.Value)));
        Assert.Equal(expected, FilterNormalizer.StripAccents.Apply(clean));
    }

    [Property(MaxTest = 500)]
    public void Any_string_comes_back_from_the_byte_alphabet(string? text)
    {
        string clean = UnicodeText.WithoutLoneSurrogates(text ?? "");
        Assert.Equal(clean, string.Concat(new ByteLevelDecoder().Decode([ByteAlphabet.Map(clean)])));
    }

    private static (int, int)[] Origins(NormalizedText text) => [.. Enumerable.Range(0, text.Length).Select(text.Origin)];
}
