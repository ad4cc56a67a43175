using System.IO.Compression;
using System.Text;
using System.Text.Json;
using LoraSharp.Data;

namespace LoraSharp.Tests.Data;

/// <summary>Data sets whose rows stay on the disk.</summary>
public sealed class OnDemandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.jsonl", "{\"n\":1,\"t\":\"é\"}\n\n  \r\n{\"n\":2.0,\"t\":null}\r\n{\"n\":3,\"t\":[1,{\"x\":2}]}")]
    [InlineData("a.json", "[{\"n\":1,\"t\":\"é\"},{\"n\":2.0,\"t\":null},{\"n\":3,\"t\":[1,{\"x\":2}]}]")]
    [InlineData("a.jsonl.gz", "{\"n\":1,\"t\":\"é\"}\n{\"n\":2.0,\"t\":null}\n{\"n\":3,\"t\":[1,{\"x\":2}]}\n")]
    [InlineData("a.jsonl.zst", "{\"n\":1,\"t\":\"é\"}\n{\"n\":2.0,\"t\":null}\n{\"n\":3,\"t\":[1,{\"x\":2}]}\n")]
    public void Rows_are_the_same_as_in_memory(string name, string content)
    {
        string path = Write(name, content);
        Dataset memory = Dataset.Load(path), disk = Dataset.Open(path, temporaryFolder: _folder.Path);
        Assert.Equal((false, true, 3), (memory.IsOnDemand, disk.IsOnDemand, disk.Count));
        string[] expected = ["1|é", "2|", "3|[1,{\"x\":2}]"];
        Assert.Equal(expected, memory.Select(Shown));
        Assert.Equal(expected, disk.Select(Shown));
        Assert.Equal(memory.Select(row => row.Value("n")), disk.Select(row => row.Value("n")));
        Assert.Equal(["3|[1,{\"x\":2}]", "1|é"], disk.Select([2, 0]).Select(Shown));
        Assert.Equal(["t"], Dataset.Open(path, ["t"], _folder.Path)[1].Columns);
        Assert.Throws<ArgumentOutOfRangeException>(() => disk[3]);
        Assert.Throws<ArgumentOutOfRangeException>(() => disk.Select([0, 3]));
    }

    [Fact]
    public void Every_operation_gives_what_it_gives_in_memory()
    {
        string path = Write("n.jsonl", string.Concat(Enumerable.Range(0, 1500).Select(i => $"{{\"n\":{i}}}\n")));
        Dataset memory = Dataset.Load(path), disk = Dataset.Open(path);
        foreach (Func<Dataset, Dataset> operation in new Func<Dataset, Dataset>[]
        {
            data => data.Shuffle(7), data => data.Take(5), data => data.Skip(1495), data => data.Take(-1), data => data.Shuffle(3).Skip(2).Take(9),
            data => data.Filter(row => row.Get<int>("n") % 7 == 0), data => data.Filter(row => row.Get<int>("n") % 7 == 0, new MapOptions { Workers = null }),
            data => data.Map(row => new { n = row.Get<int>("n") * 2 }), data => data.Map(row => row.With("n", 5), new MapOptions { Workers = 4 }),
            data => data.Split(0.2).Train, data => data.Split(0.2).Test, data => data.Concat(data.Take(3), memory.Take(2)), data => data.SelectColumns("n"),
            data => data.Shard(7, 3), data => Dataset.Interleave([data, data.Skip(1400)], [0.7, 0.3], seed: 5, untilAllExhausted: true),
        })
        {
            Dataset expected = operation(memory), actual = operation(disk);
            Assert.True(actual.IsOnDemand);
            Assert.Equal(expected.Select(row => row.ToString()), actual.Select(row => row.ToString()));
        }
    }

    [Fact]
    public void Shards_are_contiguous_and_hold_everything()
    {
        Dataset data = Numbered(11);
        Assert.Equal([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10]], Enumerable.Range(0, 4).Select(i => Numbers(data.Shard(4, i))));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Shard(4, 4));
    }

    [Fact]
    public void Interleaving_takes_turns_or_draws()
    {
        Dataset a = Numbered(3), b = Dataset.FromRows(Enumerable.Range(10, 5).Select(n => new { n }));
        Assert.Equal([0, 10, 1, 11, 2, 12], Numbers(Dataset.Interleave([a, b])));
        Assert.Equal([0, 10, 1, 11, 2, 12, 0, 13, 1, 14], Numbers(Dataset.Interleave([a, b], untilAllExhausted: true)));
        int[] drawn = Numbers(Dataset.Interleave([a, b], [0.5, 0.5], seed: 1));
        Assert.True(drawn.Count(n => n < 10) == 3 ^ drawn.Count(n => n >= 10) == 5);

        // numpy's default_rng(42).random() begins 0.7739560485559633, 0.4388784397520523, 0.8585979199113825, 0.6973680290593639.
        Assert.Equal([10, 0, 11, 12], Numbers(Dataset.Interleave([a, b], [0.5, 0.5], seed: 42)).Take(4));
        Assert.Throws<ArgumentException>(() => Dataset.Interleave([a, b], [0.5, 0.6]));
        Assert.Throws<ArgumentException>(() => Dataset.Interleave([]));
        Assert.Throws<InvalidDataException>(() => Dataset.Interleave([a, a.Take(0)]));
    }

    [Fact]
    public void A_broken_row_is_named_when_it_is_asked_for()
    {
        Dataset data = Dataset.Open(Write("a.jsonl", "{\"n\":1}\n{\"n\":\n{\"n\":3}\n"));
        Assert.Equal(1L, data[0].Value("n"));
        string message = Assert.Throws<InvalidDataException>(() => data[1]).Message;
        Assert.Contains("a.jsonl, row 1", message, StringComparison.Ordinal);
        string damaged = Write("b.jsonl.gz", string.Concat(Enumerable.Range(0, 2000).Select(i => $"{{\"n\":{i * 7919 % 10007}}}\n")));
        File.WriteAllBytes(damaged, File.ReadAllBytes(damaged)[..^200]);
        Assert.Contains("b.jsonl.gz", Assert.Throws<InvalidDataException>(() => Dataset.Load(damaged)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Temporary_files_vanish_with_the_data_set()
    {
        Use();
        for (int i = 0; i < 20 && Directory.EnumerateFiles(_folder.Path, "*.rows").Any(); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*.rows"));
        Assert.Throws<InvalidOperationException>(() => Dataset.FromStream(Failing(), _folder.Path));
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*.rows"));

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        void Use()
        {
            Dataset data = Dataset.FromStream(Numbered(100).Select(row => row.With("messages", new[] { new ChatMessage("user", "hi") })), _folder.Path);
            Assert.Single(Directory.EnumerateFiles(_folder.Path, "*.rows"));
            Assert.Equal("""[{"role":"user","content":"hi"}]""", data[99]["messages"]);
        }

        static IEnumerable<DataRow> Failing()
        {
            yield return Numbered(1)[0];
            throw new InvalidOperationException("stop");
        }
    }

    [Fact]
    public void A_file_larger_than_the_memory_allowed_is_shuffled_and_prepared()
    {
        const int Rows = 12_000;
        string path = _folder.At("large.jsonl");
        using (var writer = new StreamWriter(path))
        {
            string filler = new('x', 1000);
            for (int i = 0; i < Rows; i++)
            {
                writer.WriteLine(JsonSerializer.Serialize(new { text = $"{i} {filler}" }));
            }
        }

        long before = GC.GetTotalMemory(forceFullCollection: true);
        Dataset data = Dataset.Open(path).Shuffle(1).Filter(row => row["text"].Length > 0).Map(row => new { text = row["text"] + "!" });
        PreparedRows prepared = RowPreparation.Prepare(data, new CharacterEncoder(), new() { MaxLength = 500, Packing = true }, new() { CacheFolder = _folder.Path });
        long more = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.Equal(Rows, prepared.Rows.Count);
        Assert.True(new FileInfo(path).Length > 12_000_000);

        // 12 MB of text, 48 MB of tokens and labels; 8 bytes a row and a few numbers more stay in memory.
        Assert.InRange(more, 0, 2_000_000);
        Assert.Equal(500, prepared.Rows[Rows - 1].Length);
        GC.KeepAlive(prepared);
    }

    private static string Shown(DataRow row) => $"{row["n"]}|{row["t"]}";

    private static Dataset Numbered(int count) => Dataset.FromRows(Enumerable.Range(0, count).Select(n => new { n }));

    private static int[] Numbers(Dataset data) => [.. data.Select(row => row.Get<int>("n"))];

    private string Write(string name, string content)
    {
        string path = _folder.At(name);
        using Stream stream = Path.GetExtension(name) switch
        {
            ".gz" => new GZipStream(File.Create(path), CompressionLevel.Fastest),
            ".zst" => new ZstdSharp.CompressionStream(File.Create(path), leaveOpen: false),
            _ => File.Create(path),
        };
        stream.Write(Encoding.UTF8.GetBytes(content));
        return path;
    }
}
