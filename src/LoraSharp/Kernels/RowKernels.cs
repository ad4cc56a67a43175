using System.Runtime.CompilerServices;
using LoraSharp.Quantization;

namespace LoraSharp.Kernels;

/// <summary>
/// The passes over activations that stand between matrix products, each as one pass where a chain of tensor operators would write and read every intermediate result. Pointers
/// are to contiguous memory; element types are float, Half and BFloat16; arithmetic is in float32. A call works on a range of rows, so that callers divide rows among threads.
/// </summary>
internal abstract unsafe class RowKernels
{
    private static readonly RowKernels?[] Forms = new RowKernels?[Enum.GetValues<InstructionSet>().Length];

    /// <summary>The form that <see cref="KernelSelection"/> has chosen.</summary>
    public static RowKernels Current => Forms[(int)KernelSelection.InstructionSet] ??= Create(KernelSelection.InstructionSet);

    /// <summary>y = w · round(x · rstd), or (1 + w) · x · rstd in float32 with <paramref name="unitOffset"/>; rstd = 1 / sqrt(mean(x²) + eps) is kept for each row.</summary>
    public abstract void RmsNorm<T>(T* x, T* w, T* y, float* rstd, long rows, int columns, float eps, bool unitOffset)
        where T : unmanaged;

    /// <summary>The gradient to x of <see cref="RmsNorm"/>.</summary>
    public abstract void RmsNormBackward<T>(T* x, T* w, float* rstd, T* dy, T* dx, long rows, int columns, bool unitOffset)
        where T : unmanaged;

    /// <summary>Adds the gradient to w of <see cref="RmsNorm"/> to <paramref name="dw"/>.</summary>
    public abstract void RmsNormWeightBackward<T>(T* x, float* rstd, T* dy, float* dw, long rows, int columns)
        where T : unmanaged;

    /// <summary>h = silu(a) · b.</summary>
    public abstract void SwiGlu<T>(T* a, T* b, T* h, long count)
        where T : unmanaged;

    /// <summary>Gradients of <see cref="SwiGlu"/>.</summary>
    public abstract void SwiGluBackward<T>(T* a, T* b, T* dh, T* da, T* db, long count)
        where T : unmanaged;

    /// <summary>
    /// Rotates the first <paramref name="rotary"/> features of a head, which pair at half that distance, or neighbours with <paramref name="interleaved"/>, and copies the others;
    /// <paramref name="inverse"/>: the gradient of that.
    /// </summary>
    public abstract void Rotate<T>(T* x, T* cos, T* sin, T* y, int headDim, int rotary, bool interleaved, bool inverse)
        where T : unmanaged;

    /// <summary>
    /// Softmax of one row of scores: p = exp(scale·score − max) / Σ within [start, end), 0 elsewhere up to <paramref name="count"/>. An empty range gives zeros.
    /// </summary>
    /// <returns>The logarithm of Σ exp(scale·score), from which <see cref="SoftmaxBackward"/> finds the same p.</returns>
    public abstract float Softmax<T>(float* scores, float scale, int start, int end, int count, T* p)
        where T : unmanaged;

    /// <summary>
    /// p as <see cref="Softmax"/> gave it, and the gradient to the raw scores, ds = scale · p · (dp − delta), where delta = Σ p · dp of the row; zeros outside of [start, end).
    /// </summary>
    public abstract void SoftmaxBackward<T>(float* scores, float scale, float logSum, T* dp, float delta, int start, int end, int count, T* p, T* ds)
        where T : unmanaged;

    /// <summary>Σ a · b.</summary>
    public abstract float Dot<T>(T* a, T* b, int count)
        where T : unmanaged;

    /// <summary>Cross entropy of one row of logits: what there is to know without a gradient.</summary>
    public abstract RowLoss Loss<T>(T* logits, int count, long target)
        where T : unmanaged;

    /// <summary>Replaces a row's logits by the gradient: factor · (softmax − (1 − smoothing)·onehot − smoothing / count).</summary>
    public abstract void LossBackward<T>(T* logits, int count, long target, in RowLoss loss, float factor, float smoothing)
        where T : unmanaged;

    private static RowKernels Create(InstructionSet form) => form switch
    {
        InstructionSet.Avx512 => new RowKernels<Lanes16>(),
        InstructionSet.Avx2 => new RowKernels<Lanes8>(),
        InstructionSet.Vector128 => new RowKernels<Lanes4>(),
        _ => new RowKernels<Lanes1>(),
    };
}

/// <summary>What a row of logits gives.</summary>
/// <param name="LogSum">log Σ exp(logit).</param>
/// <param name="Nll">LogSum − logit of the target.</param>
/// <param name="Entropy">Of the distribution.</param>
/// <param name="MeanLogit">Mean of all logits.</param>
/// <param name="Best">Index of the largest logit, the first of equal ones.</param>
internal readonly record struct RowLoss(float LogSum, float Nll, float Entropy, float MeanLogit, int Best);
