using LoraSharp.Cuda;
using LoraSharp.Quantization;

namespace LoraSharp.Tests.Quantization;

public class QuantizationErrorTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(63)]
    [InlineData(8192)]
    [InlineData(-64)]
    public void Other_block_sizes_are_refused(int blockSize)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Quantize<float>(new float[100], blockSize: blockSize));
        Assert.Throws<ArgumentOutOfRangeException>(() => Blockwise8Bit.Quantize<float>(new float[100], DynamicMap.Signed, blockSize, new byte[100], new float[2]));
    }

    [Fact]
    public void An_unknown_type_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Quantize<float>(new float[100], (FourBitType)7));
        Assert.Throws<NotSupportedException>(() => FourBit.Quantize<double>(new double[100]));
        Assert.Throws<NotSupportedException>(() => FourBit.Dequantize(FourBit.Quantize<float>(new float[100]), new int[100].AsSpan()));
    }

    [Fact]
    public void Truncated_parts_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new FourBitTensor(FourBitType.Nf4, 64, 100, new byte[49], new float[2]));
        Assert.Throws<ArgumentException>(() => new FourBitTensor(FourBitType.Nf4, 64, 100, new byte[50], new float[1]));
        Assert.Throws<ArgumentException>(() => new FourBitTensor(FourBitType.Nf4, 64, 100, new byte[50], new float[2], new float[15]));
        Assert.Throws<ArgumentException>(() => new DoubleQuantization(new byte[257], new float[1], default, 0));
        Assert.Throws<ArgumentException>(() => new DoubleQuantization(new byte[257], new float[2], new float[255], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DoubleQuantization(new byte[257], new float[2], default, 0, blockSize: 100));
        Assert.Throws<ArgumentException>(() => new FourBitTensor(FourBitType.Nf4, 64, 100, new byte[50], new DoubleQuantization(new byte[1], new float[1], default, 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FourBitTensor(FourBitType.Nf4, 64, long.MaxValue, new byte[50], new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FourBitTensor(FourBitType.Nf4, 64, -1, default, ReadOnlyMemory<float>.Empty));
        Assert.Throws<ArgumentException>(() => new Int8Matrix(2, 3, new sbyte[5], new float[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Int8Matrix(1, 200_000, new sbyte[200_000], new float[1]));
        Assert.Throws<ArgumentException>(() => new EightBitState(new byte[257], new float[1]));
    }

    [Fact]
    public void Ranges_outside_the_tensor_are_refused()
    {
        FourBitTensor tensor = FourBit.Quantize<float>(new float[100]);
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Dequantize(tensor, -1, new float[1].AsSpan()));
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Dequantize(tensor, 100, new float[1].AsSpan()));
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Dequantize(tensor, 1, new float[100].AsSpan()));
        Assert.Throws<ArgumentOutOfRangeException>(() => FourBit.Dequantize(tensor, long.MinValue, new float[100].AsSpan()));
        Assert.Throws<ArgumentException>(() => FourBit.Dequantize(tensor, new float[99].AsSpan()));
    }

    [Fact]
    public void Products_of_other_shapes_are_refused()
    {
        FourBitTensor tensor = FourBit.Quantize<float>(new float[100]);
        Assert.Throws<ArgumentException>(() => FourBit.Multiply<float>(tensor, 10, 11, new float[11], default, new float[10]));
        Assert.Throws<ArgumentException>(() => FourBit.Multiply<float>(tensor, 10, 10, new float[11], default, new float[10]));
        Assert.Throws<ArgumentException>(() => FourBit.Multiply<float>(tensor, 10, 10, new float[10], new float[9], new float[10]));
        Assert.Throws<ArgumentException>(() => FourBit.Multiply<float>(tensor, 10, 10, new float[10], default, new float[20]));
        Int8Matrix matrix = Int8Matrix.Quantize<float>(new float[100], 10, 10);
        Assert.Throws<ArgumentException>(() => matrix.Multiply<float>(new float[11], 0, default, new float[10]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Multiply<float>(new float[10], float.NaN, default, new float[10]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Dequantize<float>(5, new float[60]));
        Assert.Throws<ArgumentException>(() => matrix.Dequantize<float>(0, new float[55]));
    }

    [Fact]
    public void Optimizers_refuse_before_they_change_anything()
    {
        float[] p = [1, 2, 3], g = [1, 1, 1], m = new float[3], v = new float[2];
        Assert.Throws<ArgumentException>(() => AdamW.Step(p.AsSpan(), g.AsSpan(), m, v, new AdamWSettings(0.1), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => AdamW.Step(p.AsSpan(), g.AsSpan(), m, m, new AdamWSettings(0.1, Beta1: 1), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => AdamW.Step(p.AsSpan(), g.AsSpan(), m, m, new AdamWSettings(double.NaN), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => AdamW.Step(p.AsSpan(), g.AsSpan(), m, m, new AdamWSettings(0.1), 0));
        Assert.Throws<ArgumentException>(() => Lion.Step(p.AsSpan(), g.AsSpan(), new EightBitState(4), new LionSettings(0.1)));
        Assert.Equal([1, 2, 3], p);
        Assert.All(m, x => Assert.Equal(0, x));
    }

    [Fact]
    public void Maps_that_do_not_ascend_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new DynamicMap(new float[255]));
        float[] values = DynamicMap.Signed.Values.ToArray();
        values[3] = float.NaN;
        Assert.Throws<ArgumentException>(() => new DynamicMap(values));
        Assert.Throws<ArgumentOutOfRangeException>(() => DynamicMap.Create(signed: false, maxExponentBits: 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => DynamicMap.Create(signed: true, maxExponentBits: 8));
    }

    [Fact]
    public void Forms_are_chosen_by_name()
    {
        Assert.Equal(InstructionSet.Scalar, KernelSelection.Choose("scalar"));
        Assert.Equal(KernelSelection.Supported[^1], KernelSelection.Choose(null));
        var error = Assert.Throws<PlatformNotSupportedException>(() => KernelSelection.Choose("mmx"));
        Assert.Contains("mmx", error.Message, StringComparison.Ordinal);
        Assert.Throws<PlatformNotSupportedException>(() => KernelSelection.Choose("7"));
    }

    [Fact]
    public unsafe void Without_a_device_the_CUDA_backend_says_so() =>
        Assert.Contains("no CUDA device", Assert.Throws<CudaUnavailableException>(() => new CudaBackend().Dequantize(default, 0, 0, null, ElementType.Float32)).Message, StringComparison.Ordinal);

    [Fact]
    public void An_error_in_one_thread_reaches_the_caller() =>
        Assert.Throws<InvalidOperationException>(() => ParallelRanges.Run(1000, 1, 4, (start, _) =>
        {
            if (start > 500)
            {
                throw new InvalidOperationException();
            }
        }));
}
