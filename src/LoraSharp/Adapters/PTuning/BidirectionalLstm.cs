using LoraSharp.Adapters.Copies;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.PTuning;

/// <summary>
/// A bidirectional LSTM over one short sequence, with torch.nn.LSTM's parameter names, gate order (i, f, g, o) and two biases (TorchSharp's own does not list its
/// parameters by name).
/// </summary>
internal sealed class BidirectionalLstm : nn.Module<Tensor, Tensor>
{
    private readonly List<Cell[]> _layers = [];
    private readonly long _hidden;
    private readonly double _dropout;

    public BidirectionalLstm(long inputSize, long hidden, int layers, double dropout)
        : base(nameof(BidirectionalLstm))
    {
        _hidden = hidden;
        _dropout = dropout;
        for (int i = 0; i < layers; i++)
        {
            long width = i == 0 ? inputSize : 2 * hidden;
            _layers.Add([New(width, $"l{i}"), New(width, $"l{i}_reverse")]);
        }

        Cell New(long width, string suffix) => new(
            Add($"weight_ih_{suffix}", 4 * hidden, width), Add($"weight_hh_{suffix}", 4 * hidden, hidden), Add($"bias_ih_{suffix}", 4 * hidden), Add($"bias_hh_{suffix}", 4 * hidden));

        Parameter Add(string name, params long[] shape)
        {
            using var scope = NewDisposeScope();
            double bound = 1 / Math.Sqrt(hidden);
            Parameter parameter = ParameterCopy.New(rand(shape) * (2 * bound) - bound);
            register_parameter(name, parameter);
            return parameter;
        }
    }

    /// <summary>(T, inputs) → (T, 2 · hidden), the forward half first.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        Tensor x = input;
        for (int i = 0; i < _layers.Count; i++)
        {
            if (i > 0 && training && _dropout > 0)
            {
                x = nn.functional.dropout(x, _dropout, training: true);
            }

            x = cat([Direction(_layers[i][0], x), Direction(_layers[i][1], x.flip(0)).flip(0)], 1);
        }

        return x.MoveToOuterDisposeScope();
    }

    private Tensor Direction(Cell cell, Tensor x)
    {
        Tensor inputs = x.matmul(cell.InputWeight.t()) + cell.InputBias + cell.HiddenBias;
        Tensor hidden = zeros(_hidden), state = zeros(_hidden);
        var outputs = new List<Tensor>();
        for (long t = 0; t < x.shape[0]; t++)
        {
            Tensor[] gates = (inputs.select(0, t) + cell.HiddenWeight.mv(hidden)).chunk(4, 0);
            state = (gates[1].sigmoid() * state) + (gates[0].sigmoid() * gates[2].tanh());
            hidden = gates[3].sigmoid() * state.tanh();
            outputs.Add(hidden);
        }

        return stack([.. outputs], 0);
    }

    private sealed record Cell(Parameter InputWeight, Parameter HiddenWeight, Parameter InputBias, Parameter HiddenBias);
}
