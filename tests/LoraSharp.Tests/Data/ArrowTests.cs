using Apache.Arrow;
using Apache.Arrow.Compression;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;

namespace LoraSharp.Tests.Data;

/// <summary>Arrow files with the forms that instruction data sets have.</summary>
public sealed class ArrowTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("stream.arrow", false, null)]
    [InlineData("file.arrow", true, null)]
    [InlineData("lz4.feather", true, CompressionCodecType.Lz4Frame)]
    [InlineData("zstd.arrow", false, CompressionCodecType.Zstd)]
    public void Both_forms_keep_nested_values_nulls_and_empty_lists(string name, bool file, CompressionCodecType? codec)
    {
        string path = Write(name, file, codec, Chats(), Chats());
        Dataset data = Dataset.Load(path);
        Assert.Equal(["messages", "ids", "text", "number", "ok", "time", "source"], data.Columns);
        string[] expected =
        [
            """[{"role":"user","content":"Hé"},{"role":null,"content":"b"}] [1,2] one 1 true 2024-02-03T04:05:06Z web""",
            """null [] null null false null book""",
            """[] null three 3 null 1970-01-01T00:00:00Z null""",
            """[null] [3] four 4 true null web""",
        ];
        Assert.Equal([.. expected, .. expected], data.Select(row => string.Join(' ', data.Columns.Select(column => row.Has(column) ? row[column] : "null"))));
        Assert.Equal([1, 2], data[0].Get<int[]>("ids"));
        Assert.Equal(["text"], Dataset.Stream(path, ["text"]).First().Columns);
        Assert.Contains("no column 'x'", Assert.Throws<InvalidDataException>(() => Dataset.Load(path, ["x"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_type_of_column_becomes_a_value_of_a_row()
    {
        IArrowArray Numbers<T, TArray, TBuilder>(TBuilder builder, params T[] values)
            where T : struct
            where TArray : IArrowArray
            where TBuilder : PrimitiveArrayBuilder<T, TArray, TBuilder> => builder.AppendRange(values).Build();
        var fixedList = new FixedSizeListArray.Builder(Int32Type.Default, 2);
        var fixedItems = (Int32Array.Builder)fixedList.ValueBuilder;
        fixedList.Append();
        fixedItems.AppendRange([1, 2]);
        fixedList.AppendNull();
        var largeList = new LargeListArray.Builder(StringType.Default);
        var largeItems = (StringArray.Builder)largeList.ValueBuilder;
        largeList.Append();
        largeItems.Append("x").AppendNull();
        largeList.Append();
        var map = new MapArray.Builder(new MapType(StringType.Default, Int32Type.Default));
        map.Append();
        ((StringArray.Builder)map.KeyBuilder).Append("a").Append("b");
        ((Int32Array.Builder)map.ValueBuilder).Append(1).Append(2);
        map.AppendNull();
        (string Name, IArrowArray Array)[] columns =
        [
            ("i8", Numbers<sbyte, Int8Array, Int8Array.Builder>(new(), -8, 8)),
            ("u16", Numbers<ushort, UInt16Array, UInt16Array.Builder>(new(), 0, ushort.MaxValue)),
            ("u64", Numbers<ulong, UInt64Array, UInt64Array.Builder>(new(), 1, ulong.MaxValue)),
            ("f16", Numbers<Half, HalfFloatArray, HalfFloatArray.Builder>(new(), (Half)0.5, Half.NaN)),
            ("f32", Numbers<float, FloatArray, FloatArray.Builder>(new(), 0.25f, float.PositiveInfinity)),
            ("large", new LargeStringArray.Builder().Append("long").AppendNull().Build()),
            ("view", new StringViewArray.Builder().Append("a view of more than twelve bytes").Append("short").Build()),
            ("bytes", new BinaryArray.Builder().Append(new byte[] { 1, 2 }.AsSpan()).AppendNull().Build()),
            ("decimal", new Decimal128Array.Builder(new Decimal128Type(10, 2)).Append(1.25m).AppendNull().Build()),
            ("date", new Date32Array.Builder().Append(new DateOnly(2020, 2, 29)).AppendNull().Build()),
            ("time", new Time64Array.Builder(TimeUnit.Microsecond).Append(1_500_000L).AppendNull().Build()),
            ("naive", new TimestampArray.Builder(new TimestampType(TimeUnit.Millisecond, (string?)null)).Append(new DateTimeOffset(2021, 1, 2, 3, 4, 5, 600, TimeSpan.Zero)).AppendNull().Build()),
            ("fixed", fixedList.Build()),
            ("list", largeList.Build()),
            ("map", map.Build()),
            ("none", new NullArray(2)),
        ];
        string path = Write("types.arrow", false, null, new RecordBatch(
            new Schema(columns.Select(column => new Field(column.Name, column.Array.Data.DataType, true)), null), columns.Select(column => column.Array), 2));
        Dataset data = Dataset.Load(path);
        Assert.Equal(
            """-8 0 1 0.5 0.25 long|a view of more than twelve bytes|"AQI=" 1.25 2020-02-29 00:00:01.5000000 2021-01-02T03:04:05.6 [1,2] ["x",null] {"a":1,"b":2} -""",
            Shown(data[0]));
        Assert.Equal("8 65535 18446744073709551615 NaN Infinity -|short|- - - - - - [] - -", Shown(data[1]));

        static string Shown(DataRow row)
        {
            string[] values = [.. row.Columns.Select(column => row.Has(column) ? row[column] : "-")];
            return $"{string.Join(' ', values[..6])}|{values[6]}|{string.Join(' ', values[7..])}";
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Damaged_files_end_in_an_error_that_names_them(bool file)
    {
        byte[] whole = File.ReadAllBytes(Write("whole.arrow", file, null, Chats(), Chats()));
        string damaged = _folder.At("damaged.arrow");
        foreach (int length in Enumerable.Range(0, 30).Select(i => i * whole.Length / 30).Append(whole.Length - 5))
        {
            File.WriteAllBytes(damaged, whole[..length]);
            Assert.Contains("damaged.arrow", Assert.Throws<InvalidDataException>(() => Dataset.Load(damaged)).Message, StringComparison.Ordinal);
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
                Assert.Contains("damaged.arrow", exception.Message, StringComparison.Ordinal);
            }
        }
    }

    private static RecordBatch Chats()
    {
        var messageType = new StructType([new Field("role", StringType.Default, true), new Field("content", StringType.Default, true)]);
        var roles = new StringArray.Builder().Append("user").AppendNull().AppendNull().Build();
        var contents = new StringArray.Builder().Append("Hé").Append("b").AppendNull().Build();
        var messages = new StructArray(messageType, 3, [roles, contents], new ArrowBuffer.BitmapBuilder().AppendRange([true, true, false]).Build(), 1);
        var lists = new ListArray(
            new ListType(messageType), 4, new ArrowBuffer.Builder<int>().AppendRange([0, 2, 2, 2, 3]).Build(), messages,
            new ArrowBuffer.BitmapBuilder().AppendRange([true, false, true, true]).Build(), 1);
        var ids = new ListArray.Builder(Int32Type.Default);
        var items = (Int32Array.Builder)ids.ValueBuilder;
        ids.Append();
        items.AppendRange([1, 2]);
        ids.Append();
        ids.AppendNull();
        ids.Append();
        items.Append(3);
        var time = new TimestampType(TimeUnit.Microsecond, "UTC");
        var sources = new DictionaryArray(
            new DictionaryType(Int8Type.Default, StringType.Default, false),
            new Int8Array.Builder().Append(1).Append(0).AppendNull().Append(1).Build(), new StringArray.Builder().Append("book").Append("web").Build());
        (string Name, IArrowArray Array)[] columns =
        [
            ("messages", lists),
            ("ids", ids.Build()),
            ("text", new StringArray.Builder().Append("one").AppendNull().Append("three").Append("four").Build()),
            ("number", new Int64Array.Builder().Append(1).AppendNull().Append(3).Append(4).Build()),
            ("ok", new BooleanArray.Builder().Append(true).Append(false).AppendNull().Append(true).Build()),
            ("time", new TimestampArray.Builder(time).Append(new DateTimeOffset(2024, 2, 3, 4, 5, 6, TimeSpan.Zero)).AppendNull().Append(DateTimeOffset.UnixEpoch).AppendNull().Build()),
            ("source", sources),
        ];
        return new RecordBatch(new Schema(columns.Select(column => new Field(column.Name, column.Array.Data.DataType, true)), null), columns.Select(column => column.Array), 4);
    }

    private string Write(string name, bool file, CompressionCodecType? codec, params RecordBatch[] batches)
    {
        string path = _folder.At(name);
        using FileStream stream = File.Create(path);
        var options = new IpcOptions { CompressionCodec = codec, CompressionCodecFactory = codec is null ? null : new CompressionCodecFactory() };
        using ArrowStreamWriter writer = file ? new ArrowFileWriter(stream, batches[0].Schema, true, options) : new ArrowStreamWriter(stream, batches[0].Schema, true, options);
        foreach (RecordBatch batch in batches)
        {
            writer.WriteRecordBatch(batch);
        }

        writer.WriteEnd();
        return path;
    }
}
