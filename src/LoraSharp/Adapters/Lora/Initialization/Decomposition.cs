using LoraSharp.Adapters.Bases;
using LoraSharp.Interop;
using LoraSharp.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora.Initialization;

/// <summary>Initialisations that take A and B from the weight and change the weight accordingly. All compute in float32.</summary>
internal static class Decomposition
{
    private const int LoftqBlock = 64;

    /// <summary>A decomposition: weight (out, in), rank, scaling → A (r, in), B (out, r) and the new base, or null where that is weight − s·B·A.</summary>
    public delegate (Tensor A, Tensor B, Tensor? Base) Function(Tensor weight, int r, double scaling);

    /// <summary>The decomposition of an initialisation that needs nothing but the weight, or null.</summary>
    public static Function? Of(LoraInit init) => init.Kind switch
    {
        LoraInitKind.Pissa => (weight, r, scaling) => Principal(linalg.svd(weight, fullMatrices: false), r, scaling),
        LoraInitKind.PissaFast => (weight, r, scaling) => Principal(RandomizedSvd(weight, r, init.Iterations), r, scaling),
        LoraInitKind.Olora => Olora,
        LoraInitKind.Loftq => (weight, r, _) => Loftq(weight, r, init.Iterations),
        _ => null,
    };

    /// <summary>Sets A, B and the base weight.</summary>
    public static void Apply(LoraLayer adapter, BaseLayer layer, Function decompose, string path)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor weight = layer.Weight(ScalarType.Float32);
        int r = adapter.Settings.R;
        if (r > Math.Min(weight.shape[0], weight.shape[1]))
        {
            throw new AdapterException($"r is {r}, but '{path}' is a matrix of {weight.shape[0]} x {weight.shape[1]}: this initialisation has no more than {Math.Min(weight.shape[0], weight.shape[1])} components to give.");
        }

        (Tensor a, Tensor b, Tensor? replaced) = decompose(weight, r, adapter.Scaling);

        // The residual is taken with the unrounded matrices.
        Tensor rest = replaced ?? weight - (b.matmul(a) * adapter.Scaling);
        bool isHalf = layer.Dtype is ScalarType.BFloat16 or ScalarType.Float16 && replaced is null;
        adapter.SetMatrices(isHalf ? a.to(layer.Dtype) : a, isHalf ? b.to(layer.Dtype) : b);
        layer.Assign(layer.IsQuantized ? rest.to(layer.Dtype) : rest);
    }

    /// <summary>A = √(Σ/s)·Vh and B = U·√(Σ/s) of the first r components.</summary>
    public static (Tensor A, Tensor B, Tensor? Base) Principal((Tensor U, Tensor S, Tensor Vh) svd, int r, double scaling)
    {
        Tensor root = (svd.S.narrow(0, 0, r) / scaling).sqrt();
        return (root.unsqueeze(1) * svd.Vh.narrow(0, 0, r), svd.U.narrow(1, 0, r) * root, null);
    }

    /// <summary>SVD of the weight times the (damped) covariance of its inputs; the first or the last r components.</summary>
    public static (Tensor A, Tensor B, Tensor? Base) Corda(Tensor weight, Tensor covariance, int r, double scaling, bool last)
    {
        const double LargestError = 0.05;
        double damping = 0.01;
        Tensor unit = eye(covariance.shape[0]), damped, inverse;
        do
        {
            // Stronger until the inverse is one.
            damped = covariance + (unit * (covariance.diagonal().mean() * damping));
            inverse = linalg.inv(damped);
            damping *= 2;
        }
        while ((damped.matmul(inverse) - unit).norm().item<float>() >= LargestError);

        (Tensor u, Tensor s, Tensor vh) = linalg.svd(weight.matmul(damped), fullMatrices: false);
        vh = vh.matmul(inverse);
        long start = last ? s.shape[0] - r : 0;
        Tensor root = (s.narrow(0, start, r) / scaling).sqrt();
        return (root.unsqueeze(1) * vh.narrow(0, start, r), u.narrow(1, start, r) * root, null);
    }

    private static (Tensor A, Tensor B, Tensor? Base) Olora(Tensor weight, int r, double scaling)
    {
        (Tensor q, Tensor upper) = linalg.qr(weight);
        return (upper.narrow(0, 0, r), q.narrow(1, 0, r), null);
    }

    private static (Tensor A, Tensor B, Tensor? Base) Loftq(Tensor weight, int r, int iterations)
    {
        Tensor rest = weight, a = weight, b = weight, rounded = weight;
        for (int i = 0; i < iterations; i++)
        {
            rounded = RoundToNf4(rest);

            // The scaling is left out on purpose: it is the reference's definition.
            (a, b, _) = Principal(linalg.svd(weight - rounded, fullMatrices: false), r, scaling: 1);
            rest = weight - b.matmul(a);
        }

        return (a, b, rounded);
    }

    private static Tensor RoundToNf4(Tensor weight)
    {
        Tensor plain = weight.contiguous();
        FourBitTensor codes = FourBit.Quantize<float>(TensorMemory.Span<float>(plain), FourBitType.Nf4, LoftqBlock, false);
        Tensor result = empty_like(plain);
        FourBit.Dequantize(codes, TensorMemory.Span<float>(result));
        return result;
    }

    // Halko, Martinsson and Tropp 2011: power iterations on a random range of 2r columns, each kept orthogonal.
    private static (Tensor U, Tensor S, Tensor Vh) RandomizedSvd(Tensor weight, int r, int iterations)
    {
        long width = Math.Min(2L * r, Math.Min(weight.shape[0], weight.shape[1]));
        (Tensor q, _) = linalg.qr(weight.matmul(randn(weight.shape[1], width)));
        for (int i = 0; i < iterations; i++)
        {
            (q, _) = linalg.qr(weight.t().matmul(q));
            (q, _) = linalg.qr(weight.matmul(q));
        }

        (Tensor u, Tensor s, Tensor vh) = linalg.svd(q.t().matmul(weight), fullMatrices: false);
        return (q.matmul(u), s, vh);
    }
}
