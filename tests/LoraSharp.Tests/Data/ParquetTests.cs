using System.Text.Json;
using LoraSharp.Data;
using Parquet;
using Parquet.Schema;
using Parquet.Serialization;

namespace LoraSharp.Tests.Data;

/// <summary>Parquet files with the forms that instruction data sets have.</summary>
public sealed class ParquetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Nested_rows_keep_nulls_and_empty_lists_at_each_level()
    {
        Chat[] rows =
        [
            new()
            {
                messages = [new() { role = "user", content = "Hi \"you\" é\n" }, new() { role = "assistant", content = null, tool_calls = ["a", null, "b"] }],
                input_ids = [1, 2, 3], label = 7, score = 0.5, ok = true, time = new DateTime(2024, 2, 3, 4, 5, 6, DateTimeKind.Utc), deep = [[1, 2], [], [3]],
                map = new() { ["a"] = 1, ["b"] = null },
            },
            new() { messages = null, input_ids = [], label = null, score = double.NaN, ok = null, deep = [], map = [] },
            new() { messages = [], input_ids = null, label = -1, deep = null },
            new() { messages = [new() { role = "user", content = "", tool_calls = [] }], input_ids = [9], label = long.MaxValue, deep = [[], [4]] },
        ];
        string path = _folder.At("chat.parquet");
        await ParquetSerializer.SerializeAsync(rows, path, new ParquetOptions { RowGroupSize = 2 });
        Dataset data = Dataset.Load(path);
        Assert.Equal(["messages", "input_ids", "label", "score", "ok", "time", "deep", "map"], data.Columns);
        Assert.Equal(
            [
                """[{"role":"user","content":"Hi \"you\" é\n","tool_calls":null},{"role":"assistant","content":null,"tool_calls":["a",null,"b"]}] [1,2,3] 7 [[1,2],[],[3]] {"a":1,"b":null}""",
                """null [] null [] {}""",
                """[] null -1 null null""",
                """[{"role":"user","content":"","tool_calls":[]}] [9] 9223372036854775807 [[],[4]] null""",
            ],
            data.Select(row => string.Join(' ', new[] { "messages", "input_ids", "label", "deep", "map" }.Select(name => row.Has(name) ? row[name] : "null"))));
        Assert.Equal([1, 2, 3], data[0].Get<int[]>("input_ids"));
        Assert.Equal((true, 0.5, "2024-02-03T04:05:06"), (data[0].Value("ok"), data[0].Value("score"), data[0].Value("time")));
        Assert.Equal(double.NaN, data[1].Value("score"));
        Assert.Equal(["label", "messages"], Dataset.Stream(path, ["label", "messages"]).First().Columns);
        Assert.Contains("no column 'text'", Assert.Throws<InvalidDataException>(() => Dataset.Load(path, ["text"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Levels_say_what_is_null_and_what_is_empty()
    {
        // list (1: not null) of elements (2: there is one) that are objects (3: not null) of a number (4: not null) and a list (4: not null, 5: has an element, 6: not null).
        var list = new ListField("list", new StructField("element", new DataField<int?>("number"), new ListField("inner", new DataField<int?>("element"))));
        var schema = new ParquetSchema(list);
        DataField number = schema.DataFields[0], inner = schema.DataFields[1];
        Assert.Equal((4, 1, 6, 2), (number.MaxDefinitionLevel, number.MaxRepetitionLevel, inner.MaxDefinitionLevel, inner.MaxRepetitionLevel));
        string path = _folder.At("levels.parquet");
        using (FileStream stream = File.Create(path))
        {
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(schema, stream);
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            await group.WriteAllPartsAsync<int>(number, new[] { 7, 8 }, new[] { 0, 1, 2, 3, 4, 4 }, new[] { 0, 0, 0, 1, 1, 0 }, default);
            await group.WriteAllPartsAsync<int>(inner, new[] { 1, 2 }, new[] { 0, 1, 2, 3, 4, 6, 5, 6 }, new[] { 0, 0, 0, 1, 1, 0, 2, 2 }, default);
        }

        Assert.Equal(
            ["", "[]", """[null,{"number":null,"inner":null},{"number":7,"inner":[]}]""", """[{"number":8,"inner":[1,null,2]}]"""],
            Dataset.Load(path).Select(row => row["list"]));
    }

    [Fact]
    public async Task Low_level_columns_of_every_type_are_read()
    {
        DataField[] fields =
        [
            new DataField<sbyte>("i8"), new DataField<short>("i16"), new DataField<int>("i32"), new DataField<uint>("u32"), new DataField<ulong>("u64"), new DataField<float>("f32"),
            new DecimalDataField("decimal", 10, 2), new DateTimeDataField("date", DateTimeFormat.Date), new("bytes", typeof(byte[])), new("texts", typeof(int), isArray: true),
        ];
        string path = _folder.At("types.parquet");
        using (FileStream stream = File.Create(path))
        {
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema([.. fields]), stream);
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            await group.WriteAsync<sbyte>(fields[0], new sbyte[] { -8, 8 });
            await group.WriteAsync<short>(fields[1], new short[] { -16, 16 });
            await group.WriteAsync<int>(fields[2], new[] { -32, 32 });
            await group.WriteAsync<uint>(fields[3], new uint[] { 0, uint.MaxValue });
            await group.WriteAsync<ulong>(fields[4], new ulong[] { 1, ulong.MaxValue });
            await group.WriteAsync<float>(fields[5], new[] { 0.5f, float.NegativeInfinity });
            await group.WriteAsync<decimal>(fields[6], new[] { 1.25m, -3m });
            await group.WriteAsync<DateTime>(fields[7], new[] { new DateTime(2020, 2, 29), new DateTime(1969, 12, 31) });
            await group.WriteAsync(fields[8], [[1, 2], []]);
            int[] repetitions = [0, 1, 0];
            await group.WriteAllPartsAsync<int>(fields[9], new[] { 5, 6, 7 }, new[] { 1, 1, 1 }, repetitions, default);
        }

        Dataset data = Dataset.Load(path);
        Assert.Equal([-8L, -16L, -32L, 0L, 1L, 0.5], data[0].Take(6).Select(pair => pair.Value));
        Assert.Equal([8L, 16L, 32L, (long)uint.MaxValue, (decimal)ulong.MaxValue, double.NegativeInfinity], data[1].Take(6).Select(pair => pair.Value));
        Assert.Equal([1.25m, -3m], data.Select(row => (decimal)row.Value("decimal")!));
        Assert.Equal(["2020-02-29", "1969-12-31"], data.Select(row => row["date"]));
        Assert.Equal<byte>([1, 2], (byte[])data[0].Value("bytes")!);
        Assert.Equal(["[5,6]", "[7]"], data.Select(row => row["texts"]));
    }

    [Fact]
    public async Task Rows_train_as_the_same_rows_of_json_do()
    {
        Message[] messages = [new() { role = "user", content = "Hi" }, new() { role = "assistant", content = "Yo" }];
        string path = _folder.At("chat.parquet");
        await ParquetSerializer.SerializeAsync(Enumerable.Range(0, 5).Select(_ => new Chat { messages = messages }), path);
        PreparedRows prepared = RowPreparation.Prepare(Dataset.Load(path, ["messages"]), new CharacterEncoder(), new());
        Assert.Equal(Enumerable.Repeat("user:Hi;assistant:Yo;", 5), prepared.Rows.Select(row => CharacterEncoder.Text(row.InputIds)));
    }

    [Fact]
    public async Task Row_groups_are_read_one_at_a_time()
    {
        string path = _folder.At("large.parquet");
        string[] words = [.. Enumerable.Range(0, 50).Select(i => $"word{i}")];
        var random = new Random(1);
        await ParquetSerializer.SerializeAsync(
            Enumerable.Range(0, 20_000).Select(i => new Chat { label = i, messages = [new() { role = "user", content = string.Join(' ', random.GetItems(words, 80)) }] }),
            path, new ParquetOptions { RowGroupSize = 500 });
        long before = GC.GetTotalMemory(forceFullCollection: true), most = 0, sum = 0;
        foreach (DataRow row in Dataset.Stream(path))
        {
            sum += (long)row.Value("label")!;
            if (sum % 1000 == 0)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
            }
        }

        // 20,000 rows of about 1 KB of text are 20 MB, and more as objects.
        Assert.Equal(20_000L * 19_999 / 2, sum);
        Assert.InRange(most, 0, 6_000_000);
    }

    [Fact]
    public async Task Damaged_files_end_in_an_error_that_names_them()
    {
        string path = _folder.At("whole.parquet");
        await ParquetSerializer.SerializeAsync(
            Enumerable.Range(0, 40).Select(i => new Chat { label = i, messages = [new() { role = "user", content = $"text {i}" }], input_ids = [i] }), path, new ParquetOptions { RowGroupSize = 20 });
        byte[] whole = File.ReadAllBytes(path);
        string expected = string.Join('\n', Dataset.Load(path));
        string damaged = _folder.At("damaged.parquet");
        foreach (int length in Enumerable.Range(0, 24).Select(i => i * whole.Length / 24))
        {
            File.WriteAllBytes(damaged, whole[..length]);
            Assert.Contains("damaged.parquet", Assert.Throws<InvalidDataException>(() => Dataset.Load(damaged)).Message, StringComparison.Ordinal);
        }

        var random = new Random(3);
        for (int i = 0; i < 300; i++)
        {
            byte[] bytes = [.. whole];
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(damaged, bytes);
            try
            {
                _ = Dataset.Load(damaged).Count;
            }
            catch (InvalidDataException exception)
            {
                Assert.Contains("damaged.parquet", exception.Message, StringComparison.Ordinal);
            }
        }

        Assert.Equal(expected, string.Join('\n', Dataset.Load(path)));
    }

#pragma warning disable IDE1006 // the columns' names
    public sealed class Message
    {
        public string? role { get; set; }

        public string? content { get; set; }

        public List<string?>? tool_calls { get; set; }
    }

    public sealed class Chat
    {
        public IList<Message?>? messages { get; set; }

        public IList<int>? input_ids { get; set; }

        public long? label { get; set; }

        public double score { get; set; }

        public bool? ok { get; set; }

        public DateTime time { get; set; } = DateTime.UnixEpoch;

        public List<List<int>>? deep { get; set; }

        public Dictionary<string, int?>? map { get; set; }
    }
}
