using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.FourierFt;

/// <summary>FourierFT on a linear layer: ΔW = scaling · Re(ifft2(F)), F zero but for the trained coefficients at places drawn from a seed.</summary>
internal sealed class FourierFtLayer : DeltaAdapter
{
    private readonly Parameter fourierft_spectrum;
    private readonly Tensor _places;
    private readonly double _scaling;

    public FourierFtLayer(BaseLayer layer, int count, FourierFtConfig config, string path)
        : base(nameof(FourierFtLayer))
    {
        using var scope = NewDisposeScope();
        long elements = layer.OutFeatures * layer.InFeatures;
        if (count > elements)
        {
            throw new AdapterException($"'{path}' has {elements} elements; {count} frequencies do not fit. Choose fewer.");
        }

        _scaling = config.Scaling;
        using var generator = new Generator((ulong)config.Seed);
        _places = randperm(elements, generator: generator).narrow(0, 0, count).clone().DetachFromDisposeScope();
        fourierft_spectrum = ParameterCopy.New(config.InitWeights ? zeros(count) : randn(count));
        register_parameter(nameof(fourierft_spectrum), fourierft_spectrum);
    }

    public override Tensor Delta(BaseLayer layer)
    {
        Tensor spectrum = zeros(layer.OutFeatures * layer.InFeatures).index_copy(0, _places, fourierft_spectrum).view(layer.Shape);
        return fft.ifft2(spectrum.to(ScalarType.ComplexFloat32)).real * _scaling;
    }

    public override IEnumerable<AdapterTensor> FileTensors() => [new("fourierft_spectrum", fourierft_spectrum)];

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _places.Dispose();
        }

        base.Dispose(disposing);
    }
}
