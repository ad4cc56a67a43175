using LoraSharp.Data;
using LoraSharp.Tests.Golden;
using LoraSharp.Tokenization;

namespace LoraSharp.Tests.Data;

/// <summary>Rows that are kept from run to run.</summary>
public sealed class PreparationCacheTests : IDisposable
{
    private static readonly PreparationOptions[] Options =
    [
        new() { MaxLength = 6 }, new() { MaxLength = null }, new() { MaxLength = 6, ShuffleSeed = 3 }, new() { MaxLength = 20, Packing = true, ShuffleSeed = 3 },
        new() { MaxLength = 7, Packing = true, PackingStrategy = PackingStrategy.Wrapped },
    ];

    private readonly TemporaryFolder _folder = new();

    private string[] CacheFiles => Directory.GetFiles(_folder.Path, "tokens-*.cache");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Cached_rows_are_those_that_would_be_made_anew_whatever_the_number_of_workers()
    {
        Dataset data = Rows(1300);
        foreach (PreparationOptions options in Options)
        {
            PreparedRows plain = RowPreparation.Prepare(data, new CharacterEncoder(), options);
            foreach (int? workers in new int?[] { 1, 4, null })
            {
                using var fresh = new TemporaryFolder();
                foreach (string pass in new[] { "written", "read" })
                {
                    PreparedRows cached = RowPreparation.Prepare(data, new CharacterEncoder(), options, new() { Workers = workers, CacheFolder = fresh.Path });
                    Assert.Equal((plain.Dropped, plain.CompletionOnly, plain.Rows.Count), (cached.Dropped, cached.CompletionOnly, cached.Rows.Count));
                    Assert.All(plain.Rows.Zip(cached.Rows), pair =>
                    {
                        Assert.Equal(pair.First.InputIds, pair.Second.InputIds);
                        Assert.Equal(pair.First.Labels, pair.Second.Labels);
                        Assert.Equal(pair.First.SequenceLengths, pair.Second.SequenceLengths);
                    });
                }

                Assert.Single(Directory.GetFiles(fresh.Path));
            }
        }
    }

    [Fact]
    public void Nothing_is_tokenised_again_until_something_changes()
    {
        Dataset data = Rows(10);
        Assert.Equal(10, Tokenised(data, new CharacterEncoder(), new()));
        Assert.Equal(0, Tokenised(data, new CharacterEncoder(), new()));
        Assert.Equal(0, Tokenised(Dataset.FromRows(data.ToArray()), new CharacterEncoder(), new() { ShuffleSeed = 9 }));
        Assert.Equal(10, Tokenised(data, new CharacterEncoder { EosToken = null }, new()));
        Assert.Equal(10, Tokenised(data, new CharacterEncoder(), new() { MaxLength = 5 }));
        Assert.Equal(10, Tokenised(data.Map(row => row.With("completion", "other")), new CharacterEncoder(), new()));
        Assert.Equal(10, Tokenised(data.Select(Enumerable.Range(0, 10).Reverse()), new CharacterEncoder(), new()));
        Assert.Equal(5, CacheFiles.Length);
    }

    [Fact]
    public void A_damaged_cache_is_made_anew()
    {
        Dataset data = Rows(20);
        Assert.Equal(20, Tokenised(data, new CharacterEncoder(), new()));
        string file = Assert.Single(CacheFiles);
        byte[] whole = File.ReadAllBytes(file);
        byte[] changed = [.. whole];
        changed[40] ^= 1;
        foreach (byte[] damage in new[] { [], whole[..10], whole[..^1], [.. whole, 0], changed, [.. whole.Reverse()], new byte[whole.Length] })
        {
            File.WriteAllBytes(file, damage);
            Assert.Equal(20, Tokenised(data, new CharacterEncoder(), new()));
            Assert.Equal(whole, File.ReadAllBytes(file));
        }

        Assert.Equal(0, Tokenised(data, new CharacterEncoder(), new()));
    }

    [Fact]
    public void A_failure_or_a_cancellation_leaves_nothing_behind()
    {
        Dataset broken = Rows(600).Concat(Dataset.FromRows([new { prompt = "a" }]));
        foreach (int workers in new[] { 1, 3 })
        {
            string message = Assert.Throws<InvalidDataException>(
                () => RowPreparation.Prepare(broken, new CharacterEncoder(), new(), new() { Workers = workers, CacheFolder = _folder.Path })).Message;
            Assert.Contains("row 600", message, StringComparison.Ordinal);
        }

        using var source = new CancellationTokenSource();
        var work = new DataPreparationOptions { CacheFolder = _folder.Path, Progress = new Canceller(source) };
        Assert.ThrowsAny<OperationCanceledException>(() => RowPreparation.Prepare(Rows(2000), new CharacterEncoder(), new(), work, source.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        Assert.Throws<ArgumentOutOfRangeException>(() => RowPreparation.Prepare(broken, null, new(), new() { Workers = 0 }));
        Assert.Throws<ArgumentException>(() => RowPreparation.Prepare(broken, null, new(), new() { CacheFolder = "" }));
    }

    [Fact]
    public void A_tokenizer_is_told_by_its_vocabulary_and_its_chat_template()
    {
        string Name(Action<Tokenizer> change)
        {
            Tokenizer tokenizer = Tokenizer.Load(GoldenFolder.ModelFolder("llama-tiny")!);
            change(tokenizer);
            using var fingerprint = new Fingerprint("test");
            new TokenizerRowEncoder(tokenizer).Describe(fingerprint);
            return fingerprint.Name();
        }

        string[] names = [Name(_ => { }), Name(t => t.ChatTemplateSource = "{{ messages }}"), Name(t => t.AddTokens(new AddedToken("new"))), Name(t => t.SetSpecialToken("pad_token", t.IdToToken(5)))];
        Assert.Equal(names[0], Name(_ => { }));
        Assert.Equal(4, names.Distinct().Count());
    }

    [Fact]
    public void Mapped_rows_are_kept_under_the_users_key()
    {
        int calls = 0;
        Dataset data = Rows(5);
        Dataset Map(string key) => data.Map(row => new { text = row["prompt"] + ++calls, half = 0.5, one = 1.0 }, new MapOptions { CacheFolder = _folder.Path, CacheKey = key });
        string[] first = [.. Map("v1").Select(row => row.ToString())];
        Assert.Equal(5, calls);
        Assert.Equal(first, Map("v1").Select(row => row.ToString()));
        Assert.Equal(5, calls);
        Assert.Equal((0.5, 1.0), (Map("v1")[0].Value("half"), Map("v1")[0].Value("one")));
        Map("v2");
        Assert.Equal(10, calls);
        string file = Directory.GetFiles(_folder.Path, "rows-*.cache")[0];
        File.WriteAllText(file, "{\"text\":\"forged\"}\n");
        Assert.DoesNotContain(Map("v1").Concat(Map("v2")), row => row["text"] == "forged");
        Assert.Throws<ArgumentException>(() => data.Map(row => row, new MapOptions { CacheKey = "k" }));
    }

    private static Dataset Rows(int count) => Dataset.FromRows(Enumerable.Range(0, count).Select(i => new { prompt = new string('p', i % 9), completion = $"{i}" }));

    private int Tokenised(Dataset data, IRowEncoder encoder, PreparationOptions options)
    {
        var counter = new Counter();
        RowPreparation.Prepare(data, encoder, options, new() { CacheFolder = _folder.Path, Progress = counter });
        return counter.Last;
    }

    private sealed class Counter : IProgress<int>
    {
        public int Last { get; private set; }

        public void Report(int value) => Last = value;
    }

    private sealed class Canceller(CancellationTokenSource source) : IProgress<int>
    {
        public void Report(int value) => source.Cancel();
    }
}
