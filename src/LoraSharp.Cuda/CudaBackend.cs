using LoraSharp.Quantization;

namespace LoraSharp.Cuda;

/// <summary>The quantisation kernels on a CUDA device. No device is supported yet, so that every call ends in <see cref="CudaUnavailableException"/>.</summary>
public sealed unsafe class CudaBackend : IQuantizationBackend
{
    /// <inheritdoc/>
    public string Name => "CUDA";

    /// <inheritdoc/>
    /// <exception cref="CudaUnavailableException">Always.</exception>
    public void Quantize(void* source, ElementType sourceType, long count, FourBitType type, int blockSize, byte* packed, float* absmax) =>
        throw new CudaUnavailableException();

    /// <inheritdoc/>
    /// <exception cref="CudaUnavailableException">Always.</exception>
    public void Dequantize(in FourBitAddresses weight, long first, long count, void* destination, ElementType destinationType) =>
        throw new CudaUnavailableException();

    /// <inheritdoc/>
    /// <exception cref="CudaUnavailableException">Always.</exception>
    public void Multiply(in FourBitAddresses weight, int rows, int columns, ElementType weightType, float* x, int batch, float* y) =>
        throw new CudaUnavailableException();
}
