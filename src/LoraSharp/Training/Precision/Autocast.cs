using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Makes a model's linear layers compute in a type until it is disposed.</summary>
internal sealed class Autocast : IDisposable
{
    private readonly List<(LinearWeight Weight, ScalarType? Before)> _changed = [];

    private Autocast()
    {
    }

    public static Autocast Use(nn.Module model, MixedPrecision precision)
    {
        var scope = new Autocast();
        ScalarType? type = precision switch
        {
            MixedPrecision.BFloat16 => ScalarType.BFloat16,
            MixedPrecision.Float16 => ScalarType.Float16,
            _ => null,
        };
        if (type is not null)
        {
            foreach (Linear linear in model.modules().OfType<Linear>())
            {
                scope._changed.Add((linear.Weight, linear.Weight.AutocastType));
                linear.Weight.AutocastType = type;
            }
        }

        return scope;
    }

    public void Dispose()
    {
        _changed.ForEach(item => item.Weight.AutocastType = item.Before);
        _changed.Clear();
    }
}
