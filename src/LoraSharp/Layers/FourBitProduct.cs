using LoraSharp.Interop;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// Products with a 4-bit weight matrix W (out, in). Each sum is rounded once, on every path. Panels and the whole matrix round each element of W to the type of the product; the
/// fused product does the same or keeps it more exactly.
/// </summary>
internal static class FourBitProduct
{
    /// <summary>
    /// Up to so many rows of x the product from the codes is faster than dequantising panels and multiplying densely. Measured on one Zen 4 core, 2048 x 2048,
    /// milliseconds: bfloat16, 10 rows 0.84 against 0.98, 12 rows 0.98 against 0.97; float32, 24 rows 2.9 against 3.7 (on one Zen 5 core, 28 rows 3.3 against 3.4); float16,
    /// whose dense product has no instructions there, 256 rows 46 against 94.
    /// </summary>
    private const int FusedRowsBFloat16 = 11, FusedRowsFloat32 = 28, FusedRowsFloat16 = 4096;

    /// <summary>
    /// A panel stays in the last-level cache beside the rows of x that it meets, but narrow products are slow: with 512 rows of 4096, panels of 1, 2, 4 and 8 MiB take
    /// 1.07, 1.08, 1.07 and 1.05 of the dense product's time forward, and 1.35, 1.13, 1.08 and 1.05 backward.
    /// </summary>
    private const int PanelBytes = 4 << 20;

    private const int SmallestPanel = 32;

    /// <summary>Overrides the choice on this thread, so that tests run every path.</summary>
    [ThreadStatic]
    internal static FourBitPath? Forced;

    /// <summary>x (..., in) → x·Wᵀ + bias (..., out), all in one type.</summary>
    public static Tensor Forward(FourBitTensor data, long outFeatures, Tensor x, Tensor? bias)
    {
        long inFeatures = x.shape[^1];
        using var scope = NewDisposeScope();
        Tensor rows = x.reshape(-1, inFeatures), y;
        switch (Choose(x.dtype, rows.shape[0]))
        {
            case FourBitPath.Fused:
                y = empty([rows.shape[0], outFeatures], dtype: x.dtype);
                var work = new MultiplyWork(data, rows.contiguous(), bias?.contiguous(), y);
                KernelTypes.Run(x.dtype, ref work);
                break;
            case FourBitPath.Panel:
                y = ForwardPanels(data, outFeatures, rows, bias);
                break;
            default:
                y = nn.functional.linear(rows, Dequantize(data, outFeatures, inFeatures, x.dtype), bias!);
                break;
        }

        return y.view([.. x.shape[..^1], outFeatures]).MoveToOuterDisposeScope();
    }

    /// <summary>gradOutput (..., out) → gradOutput·W (..., in), in its type; the elements of W are rounded to <paramref name="through"/> before.</summary>
    public static Tensor BackwardInput(FourBitTensor data, long inFeatures, Tensor gradOutput, ScalarType through)
    {
        long outFeatures = gradOutput.shape[^1];
        using var scope = NewDisposeScope();
        Tensor rows = gradOutput.reshape(-1, outFeatures);
        Tensor x = KernelTypes.Supports(rows.dtype) && Forced != FourBitPath.Whole
            ? BackwardPanels(data, inFeatures, rows, through)
            : rows.matmul(Dequantize(data, outFeatures, inFeatures, through).to(rows.dtype));
        return x.view([.. gradOutput.shape[..^1], inFeatures]).MoveToOuterDisposeScope();
    }

    /// <summary>The whole matrix.</summary>
    public static Tensor Dequantize(FourBitTensor data, long outFeatures, long inFeatures, ScalarType type)
    {
        ScalarType direct = KernelTypes.Nearest(type);
        Tensor dense = empty([outFeatures, inFeatures], dtype: direct);
        Fill(data, dense, firstRow: 0, firstColumn: 0, inFeatures);
        return direct == type ? dense : dense.to(type, disposeAfter: true);
    }

    /// <summary>The path of a product with so many rows of x.</summary>
    internal static FourBitPath Choose(ScalarType type, long rows) =>
        !KernelTypes.Supports(type) ? FourBitPath.Whole
        : Forced ?? (rows <= FusedRows(type) ? FourBitPath.Fused : FourBitPath.Panel);

    private static int FusedRows(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => FusedRowsBFloat16,
        ScalarType.Float16 => FusedRowsFloat16,
        _ => FusedRowsFloat32,
    };

    // Rows of W are columns of the result.
    private static Tensor ForwardPanels(FourBitTensor data, long outFeatures, Tensor rows, Tensor? bias)
    {
        long inFeatures = rows.shape[1], step = PanelSize(outFeatures, inFeatures, rows.dtype);
        Tensor y = empty([rows.shape[0], outFeatures], dtype: rows.dtype);
        for (long at = 0; at < outFeatures; at += step)
        {
            using var scope = NewDisposeScope();
            long count = Math.Min(step, outFeatures - at);
            Tensor panel = ScratchMemory.Tensor(ScratchUse.Panel, [count, inFeatures], rows.dtype);
            Fill(data, panel, at, 0, inFeatures);
            Tensor product = nn.functional.linear(rows, panel, bias?.narrow(0, at, count)!);
            if (count == outFeatures)
            {
                return product.MoveToOuterDisposeScope();
            }

            y.narrow(1, at, count).copy_(product);
        }

        return y;
    }

    // Columns of W are columns of the result, so that no sum is cut.
    private static Tensor BackwardPanels(FourBitTensor data, long inFeatures, Tensor rows, ScalarType through)
    {
        long outFeatures = rows.shape[1], step = PanelSize(inFeatures, outFeatures, rows.dtype);
        Tensor x = empty([rows.shape[0], inFeatures], dtype: rows.dtype);
        for (long at = 0; at < inFeatures; at += step)
        {
            using var scope = NewDisposeScope();
            long count = Math.Min(step, inFeatures - at);
            Tensor panel = ScratchMemory.Tensor(ScratchUse.Panel, [outFeatures, count], through);
            Fill(data, panel, 0, at, inFeatures);
            Tensor product = rows.matmul(panel.to(rows.dtype));
            if (count == inFeatures)
            {
                return product.MoveToOuterDisposeScope();
            }

            x.narrow(1, at, count).copy_(product);
        }

        return x;
    }

    /// <summary>Rows (or columns) of a panel whose other side is given.</summary>
    private static long PanelSize(long all, long other, ScalarType type)
    {
        long fitting = PanelBytes / (other * KernelTypes.Bytes(type)) / SmallestPanel * SmallestPanel;
        return Math.Min(all, Math.Max(SmallestPanel, fitting));
    }

    private static void Fill(FourBitTensor data, Tensor panel, long firstRow, long firstColumn, long inFeatures)
    {
        var work = new FillWork(data, panel, firstRow, firstColumn, inFeatures);
        KernelTypes.Run(panel.dtype, ref work);
    }

    private readonly struct FillWork(FourBitTensor data, Tensor panel, long firstRow, long firstColumn, long inFeatures) : IKernelWork
    {
        public void Run<T>()
            where T : unmanaged =>
            FourBit.Dequantize(data, (firstRow * inFeatures) + firstColumn, inFeatures, checked((int)panel.shape[1]), TensorMemory.Span<T>(panel), get_num_threads());
    }

    private readonly struct MultiplyWork(FourBitTensor data, Tensor x, Tensor? bias, Tensor y) : IKernelWork
    {
        public void Run<T>()
            where T : unmanaged =>
            FourBit.Multiply<T>(
                data, checked((int)y.shape[1]), checked((int)x.shape[1]), TensorMemory.Span<T>(x), bias is null ? [] : TensorMemory.Span<T>(bias), TensorMemory.Span<T>(y), get_num_threads());
    }
}
