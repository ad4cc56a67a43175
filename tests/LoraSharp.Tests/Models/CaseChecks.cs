using System.Text.Json;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>What the runners of all tasks share.</summary>
internal static class CaseChecks
{
    public static LoadOptions Options(GoldenCase golden) => new() { Dtype = TestTypes.Of(golden.Parameters.GetProperty("dtype").GetString()!) };

    public static double? Items(GoldenCase golden) =>
        golden.Parameters.GetProperty("num_items_in_batch") is { ValueKind: JsonValueKind.Number } items ? items.GetDouble() : null;

    /// <summary>The inputs, and an observer of hidden states.</summary>
    public static TransformerInputs Inputs(GoldenTensors tensors, List<Tensor> hidden) => new()
    {
        Ids = tensors["input.input_ids"],
        AttentionMask = tensors.Find("input.attention_mask"),
        PositionIds = tensors.Find("input.position_ids"),
        TokenTypeIds = tensors.Find("input.token_type_ids"),
        Observe = state => hidden.Add(state.detach().clone().DetachFromDisposeScope()),
    };

    /// <summary>The hidden states of every layer, where the mask is 1.</summary>
    public static void Hidden(GoldenTensors tensors, TransformerInputs inputs, List<Tensor> hidden, Tensor last)
    {
        Tensor? real = inputs.AttentionMask?.unsqueeze(-1);
        if (tensors.Has("expected.last_hidden_state"))
        {
            tensors.AssertClose("expected.last_hidden_state", last, real);
        }

        for (int i = 0; tensors.Has($"expected.hidden_states.{i}"); i++)
        {
            tensors.AssertClose($"expected.hidden_states.{i}", hidden[i], real);
        }

        hidden.ForEach(state => state.Dispose());
    }

    /// <summary>The loss and the gradients of the tensors that the case names.</summary>
    public static void Gradients(GoldenCase golden, GoldenTensors tensors, PretrainedModel model, Func<Tensor, Tensor> lossOfLabels)
    {
        if (!tensors.Has("expected.loss"))
        {
            return;
        }

        Tensor loss = lossOfLabels(tensors["input.labels"]);
        tensors.AssertClose("expected.loss", loss);
        loss.backward();
        foreach (string key in golden.Parameters.GetProperty("gradients").EnumerateArray().Select(g => g.GetString()!))
        {
            tensors.AssertClose($"expected.gradient.{key}", DiskParameters.Gradient(model, key));
        }
    }
}
