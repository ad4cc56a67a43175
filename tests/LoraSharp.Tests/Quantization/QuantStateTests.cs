using System.Text;
using FsCheck.Xunit;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

public class QuantStateTests
{
    private const string Plain = """{"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [48, 80]}""";

    private const string Nested =
        """{"quant_type": "fp4", "blocksize": 128, "dtype": "float16", "shape": [5], "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 1.5e-05}""";

    [Theory]
    [InlineData(Plain)]
    [InlineData(Nested)]
    public void A_state_is_written_as_it_was_read(string json) => Assert.Equal(
        json.Replace("1.5e-05", PythonNumber.Format(1.5e-05f), StringComparison.Ordinal), QuantState.Parse(Encoding.UTF8.GetBytes(json)).ToJson());

    [Theory]
    [InlineData(0.25, "0.25")]
    [InlineData(1, "1.0")]
    [InlineData(-40, "-40.0")]
    [InlineData(0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(1.5e-5, "1.5e-05")]
    [InlineData(1e-5, "1e-05")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(3.1e30, "3.1e+30")]
    [InlineData(1e16, "1e+16")]
    [InlineData(9007199254740993, "9007199254740992.0")]
    [InlineData(123456.75, "123456.75")]
    [InlineData(1e300, "1e+300")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(0.05174032971262932, "0.05174032971262932")]
    public void Numbers_are_printed_as_Python_prints_them(double value, string text) => Assert.Equal(text, PythonNumber.Format(value));

    [Property]
    public void Printed_numbers_read_back_the_same(double value) =>
        Assert.Equal(value, double.Parse(PythonNumber.Format(value).Replace("nan", "NaN", StringComparison.Ordinal).Replace("inf", "Infinity", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture));

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("{", "not valid JSON")]
    [InlineData("[]", "JSON object")]
    [InlineData("""{"quant_type": "\ud800", "blocksize": 64, "dtype": "float32", "shape": [1]}""", "not valid JSON")]
    [InlineData("""{"blocksize": 64}""", "quant_type")]
    [InlineData("""{"quant_type": "nf3", "blocksize": 64, "dtype": "float32", "shape": [1]}""", "nf3")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 63, "dtype": "float32", "shape": [1]}""", "blocksize is 63")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 8192, "dtype": "float32", "shape": [1]}""", "blocksize is 8192")]
    [InlineData("""{"quant_type": "nf4", "blocksize": "64", "dtype": "float32", "shape": [1]}""", "blocksize")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "dtype": "float64", "shape": [1]}""", "float64")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [-1]}""", "shape")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [4000000000, 4000000000]}""", "shape")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": 5}""", "shape")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [1], "nested_blocksize": 256}""", "nested_dtype")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [1], "nested_blocksize": 256, "nested_dtype": "float16", "nested_offset": 1}""", "float16")]
    [InlineData("""{"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [1], "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 1e300}""", "nested_offset")]
    public void A_corrupt_state_is_refused_by_the_name_of_its_fault(string json, string part)
    {
        var error = Assert.Throws<InvalidDataException>(() => QuantState.Parse(Encoding.UTF8.GetBytes(json)));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_oversized_state_is_refused_unread() => Assert.Throws<InvalidDataException>(() => QuantState.Parse(new byte[1 << 20]));

    [Property(MaxTest = 300)]
    public void Any_bytes_end_in_a_state_or_a_clear_error(byte[] bytes) => ParseOrRefuse(bytes);

    [Property(MaxTest = 300)]
    public void Any_damage_ends_in_a_state_or_a_clear_error(ushort at, byte value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(Nested);
        bytes[at % bytes.Length] = value;
        ParseOrRefuse(bytes);
        ParseOrRefuse(bytes[..(at % bytes.Length)]);
    }

    [Fact]
    public void A_weight_with_NaN_cannot_be_stored_double_quantised()
    {
        FourBitTensor tensor = FourBit.Quantize<float>([float.NaN, 1], doubleQuantization: true);
        Assert.Throws<InvalidOperationException>(() => QuantState.Of(tensor, ElementType.Float32, 2).ToJson());
    }

    [Fact]
    public void The_shape_must_be_the_tensors() =>
        Assert.Throws<ArgumentException>(() => QuantState.Of(FourBit.Quantize<float>([1, 2]), ElementType.Float32, 3));

    private static void ParseOrRefuse(byte[]? bytes)
    {
        try
        {
            QuantState state = QuantState.Parse(bytes);
            Assert.Equal(state.ToJson(), QuantState.Parse(state.ToUtf8()).ToJson());
        }
        catch (InvalidDataException)
        {
            // The clear error.
        }
    }
}
