using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Oft;

/// <summary>OFT on a linear layer: W·blockdiag(R)ᵀ with rotations R made of skew-symmetric matrices, whose upper triangles train.</summary>
internal sealed class OftLayer : WeightTransform
{
    private readonly Parameter oft_R;
    private readonly Tensor _rows;
    private readonly Tensor _columns;
    private readonly long _blockSize;
    private readonly OftConfig _config;

    public OftLayer(BaseLayer layer, OftConfig config, string path)
        : base(nameof(OftLayer))
    {
        using var scope = NewDisposeScope();
        _config = config;
        _blockSize = config.BlockSize > 0 ? config.BlockSize : layer.InFeatures / config.R;
        if (_blockSize < 2 || layer.InFeatures % _blockSize != 0)
        {
            throw new AdapterException($"'{path}' has {layer.InFeatures} inputs, which blocks of {_blockSize} (r {config.R}) do not divide; choose a divisor.");
        }

        long blocks = config.BlockShare ? 1 : layer.InFeatures / _blockSize, elements = _blockSize * (_blockSize - 1) / 2;
        Tensor upper = triu_indices(_blockSize, _blockSize, 1);
        _rows = upper.select(0, 0).DetachFromDisposeScope();
        _columns = upper.select(0, 1).DetachFromDisposeScope();
        oft_R = ParameterCopy.New(config.InitWeights ? zeros(blocks, elements) : randn(blocks, elements) * 0.02);
        register_parameter(nameof(oft_R), oft_R);
    }

    public override IEnumerable<AdapterTensor> FileTensors() => [new("oft_R.weight", oft_R)];

    protected override Tensor Matrix(BaseLayer layer)
    {
        Tensor rotations = Rotations().expand(layer.InFeatures / _blockSize, -1, -1);
        return block_diag([.. rotations.unbind(0)]).t();
    }

    protected override Tensor Turn(Tensor x, BaseLayer layer)
    {
        Tensor rotations = Rotations();
        if (training && _config.ModuleDropout > 0)
        {
            // A block that is left out is not turned.
            Tensor left = rand(rotations.shape[0], 1, 1).lt(_config.ModuleDropout).to(rotations.dtype);
            rotations = (rotations * (1 - left)) + (eye(_blockSize) * left);
        }

        return x.reshape([.. x.shape[..^1], layer.InFeatures / _blockSize, 1, _blockSize]).matmul(rotations).view(x.shape);
    }

    // (blocks or 1, size, size)
    private Tensor Rotations()
    {
        Tensor flat = (_rows * _blockSize) + _columns;
        Tensor upper = zeros(oft_R.shape[0], _blockSize * _blockSize).index_copy(1, flat, oft_R).view(-1, _blockSize, _blockSize);
        Tensor skew = upper - upper.transpose(1, 2), unit = eye(_blockSize);
        if (!_config.UseCayleyNeumann)
        {
            return (unit - skew).matmul(linalg.inv(unit + skew));
        }

        // I + 2(Q + ... + Q^(n−2)) + Q^(n−1); the reference's 3 terms are its 4, and its 2 are I + 2Q.
        int terms = _config.CayleyNeumannTerms;
        if (terms == 2)
        {
            return unit + (skew * 2);
        }

        Tensor sum = unit + (skew * 2), power = skew;
        for (int i = 2; i <= Math.Max(terms, 4) - 2; i++)
        {
            power = power.matmul(skew);
            sum = sum + (power * 2);
        }

        return sum + power.matmul(skew);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _rows.Dispose();
            _columns.Dispose();
        }

        base.Dispose(disposing);
    }
}
