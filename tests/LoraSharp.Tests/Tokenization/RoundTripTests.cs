using System.Text;
using System.Text.Json.Nodes;
using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

public class RoundTripTests
{
    public static TheoryData<string> PreTokenizers =>
    [
        """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""",
        $$"""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":{{JsonValue.Create(Llama3Pattern.Llama3Source).ToJsonString()}}},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}""",
    ];

    [Theory, MemberData(nameof(PreTokenizers))]
    public void Byte_level_kinds_give_every_text_back(string preTokenizer)
    {
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel(preTokenizer));
        var texts = new TextGenerator(5);
        for (int i = 0; i < 50_000; i++)
        {
            string text = texts.Next(loneSurrogates: true);
            // A lone surrogate has no encoding: it comes back as U+FFFD.
            string expected = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            Assert.Equal(expected, tokenizer.Decode(tokenizer.EncodeToIds(text, addSpecialTokens: false)));
        }
    }

    [Fact]
    public void Details_agree_with_the_quick_way_and_offsets_cover_the_text()
    {
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        var texts = new TextGenerator(6);
        for (int i = 0; i < 5_000; i++)
        {
            string text = texts.Next(loneSurrogates: true);
            TokenEncoding encoding = tokenizer.Encode(text, options: new EncodeOptions { AddSpecialTokens = false });
            Assert.Equal(tokenizer.EncodeToIds(text, addSpecialTokens: false), encoding.Ids);
            int codePoints = text.EnumerateRunes().Count();
            int at = 0;
            foreach ((int start, int end) in encoding.Offsets)
            {
                // Byte tokens of one character share its place; no character is left out.
                Assert.True(start <= at && end >= at && end > start, $"'{text}': ({start}, {end}) after {at}");
                at = end;
            }

            Assert.Equal(codePoints, at);
        }
    }

    [Fact]
    public void Pieces_of_a_stream_make_the_whole_text_and_never_half_a_character()
    {
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        var texts = new TextGenerator(7);
        for (int i = 0; i < 3_000; i++)
        {
            IReadOnlyList<int> ids = tokenizer.EncodeToIds(texts.Next());
            StreamingDecoder decoder = tokenizer.CreateStreamingDecoder();
            var shown = new StringBuilder();
            foreach (int id in ids)
            {
                string? piece = decoder.Add(id);
                Assert.False(piece?.EndsWith('\uFFFD') ?? false);
                shown.Append(piece);
            }

            Assert.Equal(tokenizer.Decode(ids, skipSpecialTokens: true), shown.Append(decoder.Flush()).ToString());
        }
    }

    [Theory]
    [InlineData("ab")]
    [InlineData("x")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("\U0001F600")]
    [InlineData("e\u0301\u0302")]
    [InlineData("<")]
    public void A_megabyte_without_a_break_takes_time_in_proportion(string unit)
    {
        string text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / Encoding.UTF8.GetByteCount(unit)));
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        var watch = System.Diagnostics.Stopwatch.StartNew();
        IReadOnlyList<int> ids = tokenizer.EncodeToIds(text);
        Assert.Equal(text, tokenizer.Decode(ids, skipSpecialTokens: true));

        // Far more than it needs on a busy machine, far less than the hours of a quadratic way.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"It took {watch.Elapsed}.");
    }
}
