using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora.Initialization;

/// <summary>Mean over batches of XᵀX, each batch divided by the magnitude of its largest value (CorDA).</summary>
internal sealed class Covariance : IDisposable
{
    private Tensor? _sum;
    private int _batches;

    public void Add(Tensor rows)
    {
        Tensor x = rows / rows.max().abs();
        Tensor product = x.t().matmul(x);
        if (!product.isfinite().all().item<bool>())
        {
            throw new AdapterException("The inputs of a layer hold NaN or infinite values, or nothing but zeros; their covariance cannot be used. Check the data.");
        }

        Tensor sum = (_sum is null ? product : _sum + product).DetachFromDisposeScope();
        _sum?.Dispose();
        _sum = sum;
        _batches++;
    }

    public Tensor Mean(string path) => _sum is { } sum ? sum / _batches : throw new AdapterException($"No input reached '{path}'. Run the model itself on each batch.");

    public void Dispose() => _sum?.Dispose();
}
