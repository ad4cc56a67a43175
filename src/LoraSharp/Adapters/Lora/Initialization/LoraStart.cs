using LoraSharp.Adapters.Bases;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora.Initialization;

/// <summary>First values of LoRA's matrices.</summary>
internal static class LoraStart
{
    /// <summary>The random initialisations, which do not look at the weight.</summary>
    public static void Randomly(LoraLayer adapter, LoraInit init)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (adapter is LoraEmbedding)
        {
            adapter.B.normal_();
            if (init.Kind == LoraInitKind.Random)
            {
                adapter.A.normal_();
            }

            return;
        }

        switch (init.Kind)
        {
            case LoraInitKind.Gaussian:
                adapter.A.normal_(0, 1.0 / adapter.Settings.R);
                break;
            case LoraInitKind.Orthogonal when adapter is LoraLinear:
                Orthogonal(adapter);
                break;
            case LoraInitKind.Random:
                AsFreshLayer(adapter.A, FanIn(adapter.A));
                AsFreshLayer(adapter.B, FanIn(adapter.B));
                if (adapter.BBias is { } bias)
                {
                    AsFreshLayer(bias, FanIn(adapter.B));
                }

                break;
            default:
                AsFreshLayer(adapter.A, FanIn(adapter.A));
                break;
        }
    }

    /// <summary>What happens once the adapter is in its place: decompositions of the weight, and DoRA's magnitude.</summary>
    public static void Attached(LoraLayer adapter, BaseLayer layer, LoraInit init, string path)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (layer is LinearBase && Decomposition.Of(init) is { } decompose)
        {
            Decomposition.Apply(adapter, layer, decompose, path);
        }

        adapter.StartMagnitude(layer);
    }

    // Kaiming's uniform distribution with a = √5, as torch begins its linear layers: U(±1/√(fan in)).
    private static void AsFreshLayer(Tensor tensor, long fanIn)
    {
        double bound = 1 / Math.Sqrt(fanIn);
        tensor.uniform_(-bound, bound);
    }

    private static long FanIn(Tensor matrix) => matrix.numel() / matrix.shape[0];

    // A takes the even rows of an orthogonal matrix, B the odd ones; mixed with random numbers, their product stays zero.
    private static void Orthogonal(LoraLayer adapter)
    {
        const double Scale = 0.1;
        int r = adapter.Settings.R;
        (Tensor q, _) = linalg.qr(randn(r, r));
        Tensor even = q.index_select(0, arange(0, r, 2)), odd = q.index_select(0, arange(1, r, 2));
        Tensor a = randn(adapter.A.shape[1], r / 2).matmul(even).t() * Scale;
        Tensor b = randn(adapter.B.shape[0], r / 2).matmul(odd) * Scale;
        adapter.SetMatrices(a, b);
    }
}
