#pragma warning disable xUnit1051 // files of a few lines: there is nothing to cancel
using System.Text;
using System.Text.Json;

namespace LoraSharp.Tests.Data;

public sealed class DatasetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lorasharp").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("a.jsonl", "{\"Patient\":\"Hm\",\"n\":1,\"tags\":[1,2]}\n\n{\"Patient\":\"é\",\"n\":2.5,\"tags\":null}\n")]
    [InlineData("a.json", " [{\"Patient\":\"Hm\",\"n\":1,\"tags\":[1,2]},\n {\"Patient\":\"é\",\"n\":2.5,\"tags\":null}]")]
    [InlineData("b.json", "{\"Patient\":\"Hm\",\"n\":1,\"tags\":[1,2]}\n{\"Patient\":\"é\",\"n\":2.5,\"tags\":null}")]
    public void Json_rows_keep_their_values(string name, string content)
    {
        Dataset data = Dataset.Load(Write(name, content));
        Assert.Equal(2, data.Count);
        Assert.Equal(["Patient", "n", "tags"], data.Columns);
        Assert.Equal("Hm", data[0]["Patient"]);
        Assert.Equal("1", data[0]["n"]);
        Assert.Equal(1, data[0].Get<int>("n"));
        Assert.Equal([1, 2], data[0].Get<int[]>("tags"));
        Assert.Equal("é", data[1]["Patient"]);
        Assert.Equal(2.5, data[1].Get<double>("n"));
        Assert.Equal((1L, 2.5), (data[0].Value("n"), data[1].Value("n")));
        Assert.Equal("", data[1]["tags"]);
        Assert.False(data[1].Has("tags"));
    }

    [Fact]
    public void Rows_of_other_columns_and_doubled_names_are_read_as_they_are()
    {
        Dataset data = Dataset.Load(Write("a.jsonl", "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n{\"b\":5}\n{\"a\":6,\"c\":7,\"a\":8}\n{\"a\":9,\"b\":10,\"c\":11}\n"));
        Assert.Equal(["a,b=1,2", "a,b=3,4", "b=5", "a,c=8,7", "a,b,c=9,10,11"], data.Select(row => $"{string.Join(',', row.Columns)}={string.Join(',', row.Select(pair => pair.Value))}"));
        Assert.Same(data[0].Columns, data[1].Columns);
    }

    [Theory]
    [InlineData("a.csv", "Patient,Doctor\r\n\"a, \"\"b\"\"\nc\",d\r\n,x\n")]
    [InlineData("a.tsv", "Patient\tDoctor\n\"a, \"\"b\"\"\nc\"\td\n\tx\n")]
    public void Tables_have_a_header_and_quoted_fields(string name, string content)
    {
        Dataset data = Dataset.Load(Write(name, content));
        Assert.Equal([("a, \"b\"\nc", "d"), ("", "x")], data.Select(row => (row["Patient"], row["Doctor"])));
    }

    [Fact]
    public void A_text_file_has_a_row_a_line() =>
        Assert.Equal(["one", "", "two"], Dataset.Load(Write("a.txt", "one\n\ntwo\n")).Select(row => row["text"]));

    [Fact]
    public void A_missing_column_is_named_with_those_that_exist()
    {
        string path = Write("a.csv", "Patient,Doctor\na,b\n");
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => Dataset.Load(path, ["Patient", "Nurse"]));
        Assert.Contains("no column 'Nurse'; it has 'Patient', 'Doctor'", error.Message, StringComparison.Ordinal);
        KeyNotFoundException missing = Assert.Throws<KeyNotFoundException>(() => Dataset.Load(path)[0]["Nurse"]);
        Assert.Contains("no column 'Nurse'; it has 'Patient', 'Doctor'", missing.Message, StringComparison.Ordinal);
        Assert.Equal(["Doctor"], Dataset.Load(path, ["Doctor"]).Columns);
    }

    [Theory]
    [InlineData("a.jsonl", "{\"a\":1}\n{\"a\":", "line 2")]
    [InlineData("a.jsonl", "{\"a\":1}\n[1]\n", "line 2: a row is a JSON object, this is a JSON Array")]
    [InlineData("a.json", "[{\"a\":1}, 5]", "element 2: a row is a JSON object")]
    [InlineData("a.json", "[{\"a\":1},", "element 2")]
    [InlineData("a.csv", "a,b\n1,2\n3\n", "line 3: the row has 1 fields, the header has 2")]
    [InlineData("a.csv", "a,b\n1,2\n\"3,4\n5,6\n", "never closed")]
    [InlineData("a.csv", "a,a\n1,2\n", "names the column 'a' twice")]
    public void Bad_content_is_an_error_that_names_its_place(string name, string content, string message)
    {
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => Dataset.Load(Write(name, content)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_files_are_refused_at_once()
    {
        Assert.Throws<FileNotFoundException>(() => Dataset.Stream(Path.Combine(_folder, "none.jsonl")));
        Assert.Contains("is a folder", Assert.Throws<FileNotFoundException>(() => Dataset.Open(_folder)).Message, StringComparison.Ordinal);
        Assert.Contains(".jsonl", Assert.Throws<NotSupportedException>(() => Dataset.Stream(Write("a.xyz", ""))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.json")]
    [InlineData("a.csv")]
    [InlineData("a.txt")]
    public void An_empty_file_is_an_empty_data_set_until_it_is_used(string name)
    {
        Dataset data = Dataset.Load(Write(name, ""));
        Assert.Empty(data);
        Assert.Empty(data.Shuffle(1).Take(3).Map(row => new { text = row["x"] }));
        Assert.Contains(name, Assert.Throws<InvalidDataException>(() => data.RequireRows()).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => data.Split(0.5));
    }

    [Fact]
    public void Streaming_reads_one_row_at_a_time()
    {
        string path = Write("a.jsonl", "{\"n\":1}\n{\"n\":2}\nnot json\n");
        Assert.Equal([1, 2], Dataset.Stream(path).Take(2).Select(row => row.Get<int>("n")));
        Assert.Throws<InvalidDataException>(() => Dataset.Stream(path).Count());
    }

    [Fact]
    public void Map_replaces_the_row_and_With_keeps_it()
    {
        Dataset data = Dataset.FromRows([new { a = "x", b = 1 }]);
        Assert.Equal(["text"], data.Map(row => new { text = row["a"] + row["b"] }).Columns);
        Assert.Equal("x1", data.Map(row => new { text = row["a"] + row["b"] })[0]["text"]);
        Assert.Equal(["a", "b", "text"], data.Map(row => row.With("text", "t")).Columns);
        Assert.Equal(["b"], data.Map(row => row.Without("a", "z")).Columns);
        Assert.Equal("y", data.Map(row => row.With("a", "y"))[0]["a"]);
        Assert.Equal("x", data[0]["a"]);
        Assert.Equal(["k"], data.Map(_ => new Dictionary<string, object?> { ["k"] = 1 }).Columns);
        Assert.Throws<InvalidDataException>(() => data.Map(_ => "text"));
    }

    [Fact]
    public void Filter_select_skip_concat_and_columns()
    {
        Dataset data = Dataset.FromRows(Enumerable.Range(0, 6).Select(i => new { n = i, m = -i }));
        static int[] Numbers(Dataset rows) => [.. rows.Select(row => row.Get<int>("n"))];
        Assert.Equal([0, 2, 4], Numbers(data.Filter(row => row.Get<int>("n") % 2 == 0)));
        Assert.Equal([5, 0], Numbers(data.Select([5, 0])));
        Assert.Equal([4, 5], Numbers(data.Skip(4).Take(99)));
        Assert.Equal([5, 0, 1], Numbers(data.Skip(5).Concat(data.Take(2))));
        Assert.Equal(["m"], data.SelectColumns("m").Columns);
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Select([6]));
    }

    [Theory]
    [InlineData(0.0, null)]
    [InlineData(-0.5, null)]
    [InlineData(11.0, null)]
    [InlineData(2.5, null)]
    [InlineData(6.0, 5.0)]
    [InlineData(10.0, null)]
    [InlineData(double.NaN, null)]
    public void A_split_that_does_not_fit_is_refused(double testSize, double? trainSize) =>
        Assert.ThrowsAny<ArgumentException>(() => Dataset.FromRows(Enumerable.Range(0, 10).Select(i => new { i })).Split(testSize, trainSize: trainSize));

    [Fact]
    public void A_value_that_cannot_be_converted_is_named()
    {
        var row = new DataRow([KeyValuePair.Create<string, object?>("a", JsonSerializer.SerializeToElement(new[] { 1, 2 }))]);
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => row.Get<int>("a"));
        Assert.Contains("column 'a' holds a JSON Array, which cannot be read as Int32", error.Message, StringComparison.Ordinal);
        Assert.Equal("[1,2]", row["a"]);
        Assert.Throws<ArgumentException>(() => new DataRow([KeyValuePair.Create<string, object?>("a", 1), KeyValuePair.Create<string, object?>("a", 2)]));
    }

    private string Write(string name, string content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, content, Encoding.UTF8);
        return path;
    }
}
