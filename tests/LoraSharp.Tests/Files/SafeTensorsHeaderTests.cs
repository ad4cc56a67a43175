using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using LoraSharp.Files;
using static LoraSharp.Tests.Files.SafeTensorsTestFile;

namespace LoraSharp.Tests.Files;

public class SafeTensorsHeaderTests
{
    [Fact]
    public void A_valid_header_is_read()
    {
        SafeTensorsHeader header = Parse(Valid);
        Assert.Equal(["a", "b", "c"], header.Tensors.Select(t => t.Name));
        Assert.Equal([6L, 1, 0], header.Tensors.Select(t => t.Count));
        Assert.Equal("pt", header.Metadata["format"]);
        Assert.Empty(Parse(Bytes("{}")).Tensors);
        Assert.Equal(3, Parse(Bytes("""{"é😀":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}   """, new byte[3])).Tensors[0].Count);
    }

    [Theory]
    [InlineData(100_000_001UL, "over the limit")]
    [InlineData(ulong.MaxValue, "over the limit")]
    [InlineData(1UL << 63, "over the limit")]
    [InlineData(99_999_999UL, "only")]
    [InlineData(0UL, "not valid JSON")]
    [InlineData(1UL, "not valid JSON")]
    public void A_wrong_header_length_is_refused(ulong length, string message) =>
        Assert.Contains(message, Refusal(WithLength(Valid, length)), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("null", "not a JSON object")]
    [InlineData("{} {}", "not valid JSON")]
    [InlineData("{\"t\":1}", "lacks a proper dtype")]
    [InlineData("{\"t\":{}}", "lacks a proper dtype")]
    [InlineData("{\"t\":{\"dtype\":\"U8\",\"shape\":[0]}}", "lacks a proper dtype")]
    [InlineData("{\"__metadata__\":1}", "__metadata__ is not a JSON object")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", "metadata 'a' is not a string")]
    [InlineData("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "not valid JSON")]
    [InlineData("{\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", "not valid JSON")]
    [InlineData("{\"t\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"\\u0074\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", "not valid JSON")]
    [InlineData("{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", "not valid JSON")]
    [InlineData("{\"t\":{\"dtype\":\"\\udc00\",\"shape\":[0],\"data_offsets\":[0,0]}}", "not valid JSON")]
    [InlineData("{\"__metadata__\":{\"a\":\"\\ud800\"}}", "not valid JSON")]
    public void A_header_that_is_no_header_is_refused(string header, string message) =>
        Assert.Contains(message, Refusal(Bytes(header)), StringComparison.Ordinal);

    [Theory]
    [InlineData("\"F33\"", "[1]", "[0,4]", "unknown dtype 'F33'")]
    [InlineData("1", "[1]", "[0,4]", "lacks a proper dtype")]
    [InlineData("\"F32\"", "1", "[0,4]", "lacks a proper dtype")]
    [InlineData("\"F32\"", "[1]", "[0,4,8]", "lacks a proper dtype")]
    [InlineData("\"F32\"", "[-1]", "[0,4]", "not a non-negative whole number")]
    [InlineData("\"F32\"", "[1.5]", "[0,4]", "not a non-negative whole number")]
    [InlineData("\"F32\"", "[1e400]", "[0,4]", "not a non-negative whole number")]
    [InlineData("\"F32\"", "[\"1\"]", "[0,4]", "not a non-negative whole number")]
    [InlineData("\"F32\"", "[9223372036854775808]", "[0,4]", "not a non-negative whole number")]
    [InlineData("\"F32\"", "[1]", "[-4,0]", "not a non-negative whole number")]
    [InlineData("\"F32\"", "[1]", "[4,0]", "truncated or damaged")]
    [InlineData("\"F32\"", "[1]", "[0,9223372036854775807]", "truncated or damaged")]
    [InlineData("\"F32\"", "[2]", "[0,8]", "truncated or damaged")]
    [InlineData("\"F32\"", "[2]", "[0,4]", "needs 8 bytes")]
    [InlineData("\"F4\"", "[1]", "[0,4]", "needs 0 bytes")]
    [InlineData("\"F32\"", "[4294967296,4294967296]", "[0,0]", "more elements than can exist")]
    [InlineData("\"F32\"", "[9223372036854775807,9223372036854775807,9223372036854775807]", "[0,4]", "more elements than can exist")]
    [InlineData("\"F32\"", "[4611686018427387904,4,0]", "[0,0]", "more elements than can exist")]
    [InlineData("\"F32\"", "[0,4611686018427387904,4]", "[0,0]", "more elements than can exist")]
    [InlineData("\"F32\"", "[1]", "[4,8]", "truncated or damaged")]
    [InlineData("\"U8\"", "[3]", "[1,4]", "a hole or an overlap")]
    [InlineData("\"U8\"", "[3]", "[0,3]", "something was appended")]
    public void A_hostile_entry_is_refused(string dtype, string shape, string offsets, string message) =>
        Assert.Contains(message, Refusal(Entry(dtype, shape, offsets, dataBytes: 4)), StringComparison.Ordinal);

    [Theory]
    [InlineData(0, 8, 4, 12, "a hole or an overlap")]
    [InlineData(0, 8, 0, 8, "a hole or an overlap")]
    [InlineData(0, 4, 8, 12, "a hole or an overlap")]
    [InlineData(4, 8, 8, 12, "a hole or an overlap")]
    public void Overlaps_and_holes_are_refused(int begin1, int end1, int begin2, int end2, string message)
    {
        string header = $"{{{Entry("x", begin1, end1)},{Entry("y", begin2, end2)}}}";
        Assert.Contains(message, Refusal(Bytes(header, new byte[12])), StringComparison.Ordinal);

        static string Entry(string name, int begin, int end) =>
            $"\"{name}\":{{\"dtype\":\"U8\",\"shape\":[{end - begin}],\"data_offsets\":[{begin},{end}]}}";
    }

    [Fact]
    public void Deep_wide_and_undecodable_headers_are_refused()
    {
        Assert.Contains("not valid JSON", Refusal(Bytes("{\"a\":" + new string('[', 100_000) + new string(']', 100_000) + "}")), StringComparison.Ordinal);
        string ones = string.Join(',', Enumerable.Repeat("1", 300_000));
        Assert.Contains("300000 dimensions", Refusal(Entry("\"U8\"", $"[{ones}]", "[0,1]", dataBytes: 1)), StringComparison.Ordinal);
        byte[] latin1 = Encoding.Latin1.GetBytes("""{"é":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""");
        Assert.Contains("not valid JSON", Refusal(Bytes(latin1, [])), StringComparison.Ordinal);
        Assert.Contains("not valid JSON", Refusal(Bytes(Encoding.Unicode.GetBytes("{}"), [])), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        for (int length = 0; length < Valid.Length; length++)
        {
            Refusal(Valid[..length]);
        }

        Refusal([.. Valid, 0]);
    }

    [Property(MaxTest = 500)]
    public void Random_bytes_are_refused(byte[] bytes) => AcceptOrRefuse(bytes);

    [Property(MaxTest = 500)]
    public void Random_bytes_as_a_header_are_refused(byte[] bytes) => AcceptOrRefuse(Bytes(bytes, []));

    [Property(MaxTest = 1000)]
    public void Mutations_of_a_valid_file_are_read_or_refused(int seed, byte changes)
    {
        var random = new Random(seed);
        byte[] file = [.. Valid];
        for (int i = 0; i <= changes % 4; i++)
        {
            // Mostly in the header, where it matters.
            int at = random.Next(random.Next(4) == 0 ? file.Length : file.Length - 32);
            file[at] = random.Next(3) switch
            {
                0 => (byte)random.Next(256),
                1 => (byte)"0123456789-.eE\"[]{},:"[random.Next(21)],
                _ => (byte)(file[at] ^ (1 << random.Next(8))),
            };
        }

        AcceptOrRefuse(file);
    }

    [Property(MaxTest = 500)]
    public Property Pieces_of_headers_are_read_or_refused()
    {
        string[] pieces =
        [
            "{", "}", "[", "]", ",", ":", "\"", "\"t\":", "\"__metadata__\":", "{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}", "\"dtype\":\"U8\"", "\"shape\":[2]",
            "\"data_offsets\":[0,2]", "\"a\":\"b\"", "1", "-1", "1e99", "9223372036854775807", "18446744073709551615", "null", "true", " ", "\\ud800", "\\u0000", "😀",
        ];
        return Prop.ForAll(Gen.Elements(pieces).ListOf().Select(p => string.Concat(p)).ToArbitrary(), text =>
        {
            AcceptOrRefuse(Bytes(text, new byte[2]));
            AcceptOrRefuse(Bytes("{" + text + "}", new byte[2]));
        });
    }

    // Whatever comes: a header whose tensors lie within the file, side by side, or the one exception.
    private static void AcceptOrRefuse(byte[] file)
    {
        try
        {
            SafeTensorsHeader header = Parse(file);
            long at = 0;
            foreach (TensorEntry tensor in header.Tensors)
            {
                Assert.Equal(at, tensor.Begin);
                Assert.Equal(tensor.Count * TensorDtype.Bits(tensor.Dtype)!.Value, tensor.Bytes * 8);
                at = tensor.End;
            }

            Assert.Equal(file.Length, header.DataOffset + at);
        }
        catch (SafeTensorsException)
        {
            Refusal(file);
        }
    }
}
