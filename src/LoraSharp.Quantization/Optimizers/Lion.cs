namespace LoraSharp.Quantization;

/// <summary>
/// Lion in one fused pass over a parameter. Parameters and gradients are <see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>; everything is
/// computed in single precision and parameters are rounded once.
/// </summary>
public static unsafe class Lion
{
    /// <summary>The fewest elements that are worth another thread.</summary>
    private const int Grain = 16384;

    /// <summary>One step with a single-precision momentum.</summary>
    /// <typeparam name="TParameter">The parameters' type.</typeparam>
    /// <typeparam name="TGradient">The gradients' type.</typeparam>
    /// <param name="parameters">Updated in place.</param>
    /// <param name="gradients">As many as parameters.</param>
    /// <param name="momentum">Updated in place; zeros before the first step.</param>
    /// <param name="settings">Learning rate, betas, decay.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">A length or a setting does not fit; nothing was changed.</exception>
    public static void Step<TParameter, TGradient>(
        Span<TParameter> parameters, ReadOnlySpan<TGradient> gradients, Span<float> momentum, LionSettings settings, int maxThreads = 0)
        where TParameter : unmanaged
        where TGradient : unmanaged
    {
        LionConstants constants = settings.Constants();
        OptimizerArguments.RequireTypes<TParameter, TGradient>();
        OptimizerArguments.RequireLengths(parameters.Length, gradients.Length, momentum.Length);
        fixed (TParameter* pStart = parameters)
        fixed (TGradient* gStart = gradients)
        fixed (float* mStart = momentum)
        {
            TParameter* p = pStart;
            TGradient* g = gStart;
            float* m = mStart;
            OptimizerKernels kernels = KernelSelection.Current.Optimizers;
            ParallelRanges.Run(parameters.Length, Grain, maxThreads, (start, end) => kernels.Lion(p + start, g + start, m + start, end - start, constants));
        }
    }

    /// <summary>One step with an 8-bit momentum.</summary>
    /// <typeparam name="TParameter">The parameters' type.</typeparam>
    /// <typeparam name="TGradient">The gradients' type.</typeparam>
    /// <param name="parameters">Updated in place.</param>
    /// <param name="gradients">As many as parameters.</param>
    /// <param name="momentum">Updated in place.</param>
    /// <param name="settings">Learning rate, betas, decay.</param>
    /// <param name="maxThreads">Threads to use; 0 means all processors.</param>
    /// <exception cref="ArgumentException">A length or a setting does not fit; nothing was changed.</exception>
    public static void Step<TParameter, TGradient>(
        Span<TParameter> parameters, ReadOnlySpan<TGradient> gradients, EightBitState momentum, LionSettings settings, int maxThreads = 0)
        where TParameter : unmanaged
        where TGradient : unmanaged
    {
        ArgumentNullException.ThrowIfNull(momentum);
        LionConstants constants = settings.Constants();
        OptimizerArguments.RequireTypes<TParameter, TGradient>();
        OptimizerArguments.RequireLengths(parameters.Length, gradients.Length, momentum.Codes.Length);
        fixed (TParameter* pStart = parameters)
        fixed (TGradient* gStart = gradients)
        fixed (byte* mStart = momentum.Codes.Span)
        fixed (float* scaleStart = momentum.Absmax.Span)
        {
            TParameter* p = pStart;
            TGradient* g = gStart;
            byte* m = mStart;
            float* scale = scaleStart;
            OptimizerKernels kernels = KernelSelection.Current.Optimizers;
            ParallelRanges.Run(parameters.Length, Grain, maxThreads, (start, end) =>
                kernels.Lion8Bit(p + start, g + start, m + start, scale + (start / EightBitState.BlockSize), end - start, constants));
        }
    }
}
