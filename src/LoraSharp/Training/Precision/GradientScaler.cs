using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Keeps small gradients from vanishing in float16: the loss is multiplied by a scale, the gradients are divided by it again. Semantics of torch's GradScaler.</summary>
internal sealed class GradientScaler
{
    private const double Growth = 2, Backoff = 0.5;
    private const int GrowthInterval = 2000;

    // Forty halvings below the start nothing is left of the gradients: what is not finite then does not come from the scale.
    private const double Smallest = 1.0 / (1 << 24);

    private int _goodSteps;

    /// <summary>What the loss is multiplied by.</summary>
    public double Scale { get; private set; } = 65536;

    /// <summary>Whether lowering the scale further is of no use.</summary>
    public bool IsExhausted => Scale < Smallest;

    /// <summary>Divides the gradients by the scale.</summary>
    /// <returns>Whether all are finite.</returns>
    public bool Unscale(IReadOnlyList<ParameterGroup> groups)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        bool finite = true;
        foreach (Tensor gradient in groups.SelectMany(group => group.Parameters).Select(parameter => parameter.Value.grad).OfType<Tensor>())
        {
            finite &= gradient.mul_(1 / Scale).isfinite().all().item<bool>();
        }

        return finite;
    }

    /// <summary>Adapts the scale after a step that was taken (all gradients were finite) or skipped.</summary>
    public void Update(bool taken)
    {
        if (!taken)
        {
            Scale *= Backoff;
            _goodSteps = 0;
        }
        else if (++_goodSteps == GrowthInterval)
        {
            // torch keeps the scale in float32 and does not let it overflow there.
            Scale = float.IsFinite((float)(Scale * Growth)) ? Scale * Growth : Scale;
            _goodSteps = 0;
        }
    }

    /// <summary>What a resumed run needs, under torch's own names.</summary>
    public JsonObject SaveState() => new()
    {
        ["scale"] = Scale,
        ["growth_factor"] = Growth,
        ["backoff_factor"] = Backoff,
        ["growth_interval"] = GrowthInterval,
        ["_growth_tracker"] = _goodSteps,
    };

    /// <exception cref="InvalidDataException">The state is not one of a scaler.</exception>
    public void LoadState(JsonObject state)
    {
        try
        {
            double scale = state["scale"]!.GetValue<double>();
            int goodSteps = state["_growth_tracker"]!.GetValue<int>();
            if (!double.IsFinite(scale) || scale <= 0 || goodSteps is < 0 or >= GrowthInterval)
            {
                throw new InvalidDataException($"The saved loss scale ({scale}, {goodSteps} good steps) is out of range.");
            }

            (Scale, _goodSteps) = (scale, goodSteps);
        }
        catch (Exception e) when (e is NullReferenceException or InvalidOperationException or FormatException or JsonException)
        {
            throw new InvalidDataException("The saved loss scale is not one; resume from another checkpoint.", e);
        }
    }
}
