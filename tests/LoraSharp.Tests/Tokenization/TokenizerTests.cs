using LoraSharp.Tests.Golden;
using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Tokenization;

public class TokenizerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void Added_tokens_get_the_next_ids_and_are_found()
    {
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        Assert.Equal(
            2, tokenizer.AddTokens(new AddedToken("<user>") { RStrip = true }, new AddedToken("<user"), new AddedToken("<s>") { Special = true }));
        Assert.Equal(1, tokenizer.AddSpecialTokens("<end>", "<s>"));
        Assert.Equal((265, 266, 267), (tokenizer.TokenToId("<user>"), tokenizer.TokenToId("<user"), tokenizer.TokenToId("<end>")));
        Assert.Equal([264, 265, 'h', 266, 267, 264], tokenizer.EncodeToIds("<user> \nh<user<end><s>"));
        Assert.Equal("<user>h<user", tokenizer.Decode(tokenizer.EncodeToIds("<user> \nh<user<end><s>"), skipSpecialTokens: true));
        Assert.Null(tokenizer.TokenToId("<none>"));
        Assert.Null(tokenizer.IdToToken(999));
        Assert.Null(tokenizer.IdToToken(-1));
    }

    [Fact]
    public void Special_tokens_in_text_that_is_not_trusted_can_be_ordinary_text()
    {
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        IReadOnlyList<int> ids = tokenizer.Encode("a<s>", options: new EncodeOptions { SplitSpecialTokens = true }).Ids;
        Assert.Equal(1, ids.Count(id => id == 264));
        Assert.Equal("a<s>", tokenizer.Decode(ids, skipSpecialTokens: true));
    }

    [Fact]
    public void A_batch_is_padded_to_a_multiple_on_the_side_asked_for()
    {
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        var options = new EncodeOptions { Padding = new PaddingOptions { Side = SequenceSide.Left, PadToMultipleOf = 4 } };
        Assert.Contains(
            "no pad token",
            Assert.Throws<ArgumentException>(() => tokenizer.EncodeBatch(["a"], options: options, cancellationToken: Cancel)).Message,
            StringComparison.Ordinal);
        tokenizer.SetSpecialToken("pad_token", "<s>");
        IReadOnlyList<TokenEncoding> batch = tokenizer.EncodeBatch(["a", "xyz.."], options: options, cancellationToken: Cancel);
        Assert.All(batch, encoding => Assert.Equal(8, encoding.Ids.Count));
        Assert.Equal([0, 0, 0, 0, 0, 0, 1, 1], batch[0].AttentionMask);
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 0], batch[0].SpecialTokensMask);
        Assert.Empty(tokenizer.EncodeBatch([], options: options, cancellationToken: Cancel));
    }

    [Fact]
    public void Wrong_lengths_are_refused_with_the_cure()
    {
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        var options = new EncodeOptions { Truncation = new TruncationOptions(0) };
        Assert.Contains(
            "MaxLength is 0, but the special tokens alone are 1",
            Assert.Throws<ArgumentException>(() => tokenizer.Encode("a", options: options)).Message,
            StringComparison.Ordinal);
        options = new EncodeOptions { Truncation = new TruncationOptions(3) { Strategy = TruncationStrategy.OnlySecond } };
        Assert.Contains(
            "there is no second text",
            Assert.Throws<ArgumentException>(() => tokenizer.Encode("abcdef", options: options)).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "2 texts but 1",
            Assert.Throws<ArgumentException>(() => tokenizer.EncodeBatch(["a", "b"], ["c"], cancellationToken: Cancel)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>(() => tokenizer.EncodeToIds(null!));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => tokenizer.EncodeBatch(["a", "b"], cancellationToken: source.Token));
    }

    [Fact]
    public void A_tokenizer_serves_many_threads()
    {
        Tokenizer tokenizer = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        string[] texts = [.. Enumerable.Range(0, 400).Select(i => new TextGenerator(i).Next(40))];
        int[][] expected = [.. texts.Select(text => tokenizer.EncodeToIds(text).ToArray())];
        Tokenizer fresh = SmallTokenizers.Load(SmallTokenizers.ByteLevel());
        IReadOnlyList<TokenEncoding> encodings = fresh.EncodeBatch(texts, cancellationToken: Cancel);
        Assert.Equal(expected, encodings.Select(encoding => encoding.Ids.ToArray()));
    }

    [Theory, GoldenCases("tokenizer")]
    public void A_saved_tokenizer_is_the_same(string name)
    {
        var c = new GoldenCase("tokenizer", name);
        Tokenizer original = GoldenTests.Load(c);
        original.AddTokens(new AddedToken("<added>") { LStrip = true, Normalized = true });
        original.AddSpecialTokens("<added-special>");
        using var folder = new TestFolder();
        original.Save(folder.Root);
        foreach (Tokenizer saved in new[] { Tokenizer.Load(folder.Root), Tokenizer.FromFile(Path.Combine(folder.Root, "tokenizer.json")) })
        {
            Assert.Equal(original.VocabSizeWithAddedTokens, saved.VocabSizeWithAddedTokens);
            Assert.Equal(original.AddedTokens, saved.AddedTokens);
            IEnumerable<string> texts = c.Inputs.GetProperty("encode").EnumerateArray().Take(70).Select(row => row.GetProperty("text").GetString()!);
            foreach (string text in texts.Append("a <added> b <added-special>"))
            {
                TokenEncoding expected = original.Encode(text, "b");
                TokenEncoding actual = saved.Encode(text, "b");
                Assert.Equal(expected.Ids, actual.Ids);
                Assert.Equal(expected.Offsets, actual.Offsets);
                Assert.Equal(original.Decode(expected.Ids, skipSpecialTokens: true), saved.Decode(actual.Ids, skipSpecialTokens: true));
            }
        }

        Assert.Empty(Directory.GetFiles(folder.Root, "*.tmp"));
    }
}
