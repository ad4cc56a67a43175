namespace LoraSharp.Quantization;

/// <summary>
/// AdamW in one fused pass over a parameter: read once, written once. The update uses the fresh, unquantised moments. Parameters and gradients are
/// <see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>; everything is computed in single precision and parameters are rounded once.
/// </summary>
public static unsafe class AdamW
{
    /// <summary>The fewest elements that are worth another thread.</summary>
    private const int Grain = 16384;

    /// <summary>One step with single-precision moments.</summary>
    /// <typeparam name="TParameter">The parameters' type.</typeparam>
    /// <typeparam name="TGradient">The gradients' type.</typeparam>
    /// <param name="parameters">Updated in place.</param>
    /// <param name="gradients">As many as parameters.</param>
    /// <param name="firstMoment">Updated in place; zeros before the first step.</param>
    /// <param name="secondMoment">Updated in place; zeros before the first step.</param>
    /// <param name="settings">Learning rate, betas, epsilon, decay.</param>
    /// <param name="step">The number of this step, from 1.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">A length or a setting does not fit; nothing was changed.</exception>
    public static void Step<TParameter, TGradient>(
        Span<TParameter> parameters, ReadOnlySpan<TGradient> gradients, Span<float> firstMoment, Span<float> secondMoment, AdamWSettings settings, long step, int maxThreads = 0)
        where TParameter : unmanaged
        where TGradient : unmanaged
    {
        AdamConstants constants = settings.At(step);
        OptimizerArguments.RequireTypes<TParameter, TGradient>();
        OptimizerArguments.RequireLengths(parameters.Length, gradients.Length, firstMoment.Length, secondMoment.Length);
        fixed (TParameter* pStart = parameters)
        fixed (TGradient* gStart = gradients)
        fixed (float* mStart = firstMoment, vStart = secondMoment)
        {
            TParameter* p = pStart;
            TGradient* g = gStart;
            float* m = mStart;
            float* v = vStart;
            OptimizerKernels kernels = KernelSelection.Current.Optimizers;
            ParallelRanges.Run(parameters.Length, Grain, maxThreads, (start, end) =>
                kernels.Adam(p + start, g + start, m + start, v + start, end - start, constants));
        }
    }

    /// <summary>One step with 8-bit moments.</summary>
    /// <typeparam name="TParameter">The parameters' type.</typeparam>
    /// <typeparam name="TGradient">The gradients' type.</typeparam>
    /// <param name="parameters">Updated in place.</param>
    /// <param name="gradients">As many as parameters.</param>
    /// <param name="firstMoment">Updated in place.</param>
    /// <param name="secondMoment">Updated in place.</param>
    /// <param name="settings">Learning rate, betas, epsilon, decay.</param>
    /// <param name="step">The number of this step, from 1.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">A length or a setting does not fit; nothing was changed.</exception>
    public static void Step<TParameter, TGradient>(
        Span<TParameter> parameters, ReadOnlySpan<TGradient> gradients, EightBitState firstMoment, EightBitState secondMoment, AdamWSettings settings, long step, int maxThreads = 0)
        where TParameter : unmanaged
        where TGradient : unmanaged
    {
        ArgumentNullException.ThrowIfNull(firstMoment);
        ArgumentNullException.ThrowIfNull(secondMoment);
        AdamConstants constants = settings.At(step);
        OptimizerArguments.RequireTypes<TParameter, TGradient>();
        OptimizerArguments.RequireLengths(parameters.Length, gradients.Length, firstMoment.Codes.Length, secondMoment.Codes.Length);
        fixed (TParameter* pStart = parameters)
        fixed (TGradient* gStart = gradients)
        fixed (byte* mStart = firstMoment.Codes.Span, vStart = secondMoment.Codes.Span)
        fixed (float* mScaleStart = firstMoment.Absmax.Span, vScaleStart = secondMoment.Absmax.Span)
        {
            TParameter* p = pStart;
            TGradient* g = gStart;
            byte* m = mStart;
            byte* v = vStart;
            float* mScale = mScaleStart;
            float* vScale = vScaleStart;
            OptimizerKernels kernels = KernelSelection.Current.Optimizers;
            ParallelRanges.Run(parameters.Length, Grain, maxThreads, (start, end) =>
            {
                long block = start / EightBitState.BlockSize;
                kernels.Adam8Bit(p + start, g + start, m + start, mScale + block, v + start, vScale + block, end - start, constants);
            });
        }
    }
}
