namespace LoraSharp.Cuda;

/// <summary>There is no usable CUDA device; use <see cref="Quantization.CpuBackend"/> instead.</summary>
public sealed class CudaUnavailableException : PlatformNotSupportedException
{
    /// <summary>An exception with the usual message.</summary>
    public CudaUnavailableException()
        : this("There is no CUDA device that LoraSharp can use; run on the CPU (LoraSharp.Quantization.CpuBackend) instead.")
    {
    }

    /// <summary>An exception with a message of its own.</summary>
    /// <param name="message">What is missing, and what to do.</param>
    public CudaUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>An exception with a cause.</summary>
    /// <param name="message">What is missing, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public CudaUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
