using LoraSharp.Interop;
using LoraSharp.Kernels;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.autograd;

namespace LoraSharp.Layers;

/// <summary>Root-mean-square normalisation as one node: kept for the backward pass are the input and one number a row.</summary>
internal sealed unsafe class RmsNormFunction : SingleTensorFunction<RmsNormFunction>
{
    private const string OffsetKey = "offset";

    // The gradient to the weight is summed in so many parts, whatever the number of threads, so that its bits do not depend on that.
    private const int WeightParts = 8;

    public override string Name => nameof(RmsNormFunction);

    /// <summary>x (..., features) and weight (features), of one type.</summary>
    public static Tensor Apply(Tensor x, Tensor weight, float eps, bool unitOffset)
    {
        if (is_grad_enabled() && (x.requires_grad || weight.requires_grad))
        {
            return apply(x, weight, eps, unitOffset);
        }

        using var scope = NewDisposeScope();
        return Compute(x.contiguous(), weight, eps, unitOffset).Output.MoveToOuterDisposeScope();
    }

    public override Tensor forward(AutogradContext ctx, params object[] vars)
    {
        Tensor x = (Tensor)vars[0], weight = (Tensor)vars[1];
        using var scope = NewDisposeScope();
        Tensor dense = x.contiguous();
        (Tensor output, Tensor rstd) = Compute(dense, weight, (float)vars[2], (bool)vars[3]);
        ctx.save_for_backward([ReferenceEquals(dense, x) ? x : dense.MoveToOuterDisposeScope(), weight, rstd.MoveToOuterDisposeScope()]);
        ctx.save_data(OffsetKey, vars[3]);
        return output.MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(AutogradContext ctx, Tensor grad_output) => Backward.Guard(4, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor x = saved[0], weight = saved[1];
        var work = new BackwardWork(x, weight, saved[2], grad_output.to(x.dtype).contiguous(), empty_like(x), weight.requires_grad, (bool)ctx.get_data(OffsetKey));
        RowForms.Run(x.dtype, ref work);
        return [work.GradX, work.GradWeight?.to(weight.dtype), null, null];
    });

    private static (Tensor Output, Tensor Rstd) Compute(Tensor x, Tensor weight, float eps, bool unitOffset)
    {
        long columns = x.shape[^1];
        Tensor y = empty_like(x), rstd = empty(x.numel() / columns, dtype: ScalarType.Float32);
        var work = new ForwardWork(x, weight, y, rstd, eps, unitOffset);
        RowForms.Run(x.dtype, ref work);
        return (y, rstd);
    }

    private readonly struct ForwardWork(Tensor x, Tensor weight, Tensor y, Tensor rstd, float eps, bool unitOffset) : IRowWork
    {
        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            T* input = (T*)TensorMemory.Pointer(x), w = (T*)TensorMemory.Pointer(weight), output = (T*)TensorMemory.Pointer(y);
            float* r = (float*)TensorMemory.Pointer(rstd);
            int columns = (int)x.shape[^1];
            (float epsilon, bool offset) = (eps, unitOffset);
            KernelRows.Run(rstd.shape[0], columns, (start, end) =>
                NormKernels.RmsNorm<TLanes, T>(input + (start * columns), w, output + (start * columns), r + start, end - start, columns, epsilon, offset));
        }
    }

    private struct BackwardWork(Tensor x, Tensor weight, Tensor rstd, Tensor dy, Tensor gradX, bool trainsWeight, bool unitOffset) : IRowWork
    {
        public Tensor GradX => gradX;

        public Tensor? GradWeight { get; private set; }

        public void Run<TLanes, T>()
            where TLanes : struct, ILanes<TLanes>
            where T : unmanaged
        {
            T* input = (T*)TensorMemory.Pointer(x), w = (T*)TensorMemory.Pointer(weight), gradient = (T*)TensorMemory.Pointer(dy), output = (T*)TensorMemory.Pointer(gradX);
            float* r = (float*)TensorMemory.Pointer(rstd);
            int columns = (int)x.shape[^1];
            long rows = rstd.shape[0];
            bool offset = unitOffset;
            KernelRows.Run(rows, columns, (start, end) =>
                NormKernels.RmsNormBackward<TLanes, T>(input + (start * columns), w, r + start, gradient + (start * columns), output + (start * columns), end - start, columns, offset));
            if (!trainsWeight)
            {
                return;
            }

            Tensor parts = zeros([WeightParts, columns], dtype: ScalarType.Float32);
            float* sums = (float*)TensorMemory.Pointer(parts);
            long each = (rows + WeightParts - 1) / WeightParts;
            KernelRows.Run(WeightParts, columns * each, (start, end) =>
            {
                for (long part = start; part < end; part++)
                {
                    long first = part * each, count = Math.Min(each, rows - first);
                    NormKernels.RmsNormWeightBackward<TLanes, T>(input + (first * columns), r + first, gradient + (first * columns), sums + (part * columns), count, columns);
                }
            });
            GradWeight = parts.sum([0]);
        }
    }
}
