using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>
/// A position in the tree of names of a model under construction: layers asked for here get their weights from the provider and their place in the tree.
/// Paths may hold dots: they are data of a model family.
/// </summary>
/// <param name="Provider">Where weights come from.</param>
/// <param name="Prefix">Full path of this position.</param>
/// <param name="Modules">The modules below this position.</param>
/// <param name="IsHead">Whether everything below belongs to a task's head.</param>
internal readonly record struct WeightScope(WeightProvider Provider, string Prefix, ModuleTable Modules, bool IsHead = false)
{
    public WeightScope At(string path) => path.Length == 0 ? this : new(Provider, Full(path), Modules.At(path), IsHead);

    /// <summary>The same position for the tensors of a task's head.</summary>
    public WeightScope Head() => this with { IsHead = true };

    public bool Contains(string path) => Provider.Contains(Full(path));

    /// <summary>A tensor that the caller puts into a layer.</summary>
    public Parameter Load(string path, WeightStart start, params long[] shape) => Provider.Parameter(new WeightRequest(Full(path), shape, start, IsHead));

    /// <summary>A tensor that belongs to the module at this position itself.</summary>
    public Parameter Parameter(string path, WeightStart start, params long[] shape)
    {
        Parameter parameter = Load(path, start, shape);
        Modules.Add(path, parameter);
        return parameter;
    }

    /// <summary>A linear layer with <c>weight</c> and, if asked for, <c>bias</c>.</summary>
    public Slot Linear(string path, long outFeatures, long inFeatures, bool bias = false, bool quantize = true) =>
        Modules.Add(path, LoadLinear(path, outFeatures, inFeatures, bias, quantize));

    /// <summary>A linear layer that the caller gives a place.</summary>
    public Linear LoadLinear(string path, long outFeatures, long inFeatures, bool bias = false, bool quantize = true) => new(
        Provider.Weight(new WeightRequest(Full(path + ".weight"), [outFeatures, inFeatures], WeightStart.Random, IsHead), quantize),
        bias ? Load(path + ".bias", WeightStart.Zeros, outFeatures) : null);

    /// <summary>A table of vectors.</summary>
    public Slot Embedding(string path, long rows, long dim, int? paddingId = null) =>
        Modules.Add(path, new Embedding(Load(path + ".weight", WeightStart.Random, rows, dim), paddingId));

    /// <summary>A norm over the last dimension; <paramref name="shape"/> is that of its weight.</summary>
    public Slot Norm(string path, NormConfig norm, params long[] shape) => Modules.Add(path, LoadNorm(path, norm, shape));

    /// <summary>A norm that the caller gives a place.</summary>
    public nn.Module<Tensor, Tensor> LoadNorm(string path, NormConfig norm, params long[] shape)
    {
        bool offset = norm.Kind == NormKind.RmsUnitOffset;
        Parameter weight = Load(path + ".weight", offset ? WeightStart.Zeros : WeightStart.Ones, shape);
        return norm.Kind is NormKind.Rms or NormKind.RmsUnitOffset
            ? new RmsNorm(weight, norm.Eps, offset)
            : new LayerNorm(weight, norm.Kind == NormKind.Layer ? Load(path + ".bias", WeightStart.Zeros, shape) : null, norm.Eps);
    }

    private string Full(string path) => Prefix.Length == 0 ? path : $"{Prefix}.{path}";
}
