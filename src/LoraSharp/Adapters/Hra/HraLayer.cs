using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Hra;

/// <summary>HRA on a linear layer: W·Π(I − 2uuᵀ) over the normalised columns u, in order; or W·(I − 2QQᵀ) over orthonormal ones.</summary>
internal sealed class HraLayer : WeightTransform
{
    private readonly Parameter hra_u;
    private readonly bool _orthogonal;

    public HraLayer(BaseLayer layer, HraConfig config)
        : base(nameof(HraLayer))
    {
        using var scope = NewDisposeScope();
        _orthogonal = config.Orthogonalize;
        double bound = 1 / Math.Sqrt(config.R);
        long columns = config.InitWeights && config.R % 2 == 0 ? config.R / 2 : config.R;
        Tensor start = rand(layer.InFeatures, columns) * (2 * bound) - bound;

        // Two equal reflections in a row cancel.
        hra_u = ParameterCopy.New(columns == config.R ? start : start.repeat_interleave(2, dim: 1));
        register_parameter(nameof(hra_u), hra_u);
    }

    public override IEnumerable<AdapterTensor> FileTensors() => [new("hra_u", hra_u)];

    protected override Tensor Matrix(BaseLayer layer) => Turn(eye(layer.InFeatures), layer).t();

    protected override Tensor Turn(Tensor x, BaseLayer layer)
    {
        if (_orthogonal)
        {
            Tensor q = Orthonormal();
            return x - (x.matmul(q).matmul(q.t()) * 2);
        }

        // The last reflection meets the input first.
        for (long i = hra_u.shape[1] - 1; i >= 0; i--)
        {
            Tensor u = hra_u.select(1, i);
            u = u / u.norm();
            x = x - (x.matmul(u).unsqueeze(-1) * u * 2);
        }

        return x;
    }

    private Tensor Orthonormal()
    {
        var columns = new List<Tensor>();
        for (long i = 0; i < hra_u.shape[1]; i++)
        {
            Tensor u = hra_u.select(1, i), rest = u;
            foreach (Tensor column in columns)
            {
                rest = rest - (column * column.dot(u));
            }

            columns.Add(rest / rest.norm());
        }

        return stack([.. columns], 1);
    }
}
