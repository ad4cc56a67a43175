namespace LoraSharp.Quantization;

/// <summary>Checks on gradients before a step.</summary>
public static unsafe class Gradients
{
    /// <summary>Whether no gradient is NaN or infinite. A step with one that is would spoil a whole block of 8-bit moments; skip it.</summary>
    /// <typeparam name="T"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="gradients">The gradients.</param>
    /// <returns>True when all are finite.</returns>
    public static bool AreFinite<T>(ReadOnlySpan<T> gradients)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        fixed (T* g = gradients)
        {
            return KernelSelection.Current.Optimizers.AreFinite(g, gradients.Length);
        }
    }
}
