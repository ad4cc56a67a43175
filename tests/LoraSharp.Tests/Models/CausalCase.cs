using System.Text.Json;
using LoraSharp.Layers;
using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>Causal language models: logits, loss, gradients, cached decoding, greedy continuation.</summary>
internal static class CausalCase
{
    public static void Check(GoldenCase golden)
    {
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        using CausalLM model = CausalLM.Load(golden.ModelFolder(), CaseChecks.Options(golden));
        var hidden = new List<Tensor>();
        bool balanced = golden.Parameters.GetProperty("output_router_logits").GetBoolean();
        using RouterTrace? routing = balanced ? new RouterTrace() : null;
        TransformerInputs inputs = CaseChecks.Inputs(tensors, hidden) with { Routing = routing };
        Tensor last = model.HiddenStates(inputs);
        CaseChecks.Hidden(tensors, inputs, hidden, last);
        Tensor logits = model.ProjectLogits(last);
        tensors.AssertClose("expected.logits", logits, inputs.AttentionMask?.unsqueeze(-1));
        CaseChecks.Gradients(golden, tensors, model, labels =>
        {
            long predicted = labels.shape[1] - 1;
            Tensor loss = TaskLoss.CrossEntropy(logits.narrow(1, 0, predicted), labels.narrow(1, 1, predicted), CaseChecks.Items(golden));
            if (routing is null)
            {
                return loss;
            }

            Tensor balance = routing.LoadBalancingLoss(inputs.AttentionMask);
            tensors.AssertClose("expected.aux_loss", balance);
            return loss + (balance * model.RouterLossFactor);
        });
        using var noGrad = no_grad();
        CheckCache(golden, tensors, model, inputs);
        CheckGreedy(golden, tensors, model);
    }

    private static void CheckCache(GoldenCase golden, GoldenTensors tensors, CausalLM model, TransformerInputs inputs)
    {
        JsonElement spec = golden.Parameters.GetProperty("cache");
        if (spec.ValueKind == JsonValueKind.Null)
        {
            return;
        }

        int prefill = spec.GetProperty("prefill").GetInt32(), steps = spec.GetProperty("steps").GetInt32();
        Tensor? mask = inputs.AttentionMask;
        using KvCache cache = model.NewCache();
        Tensor expected = tensors["expected.logits"];
        for (int at = 0, count = prefill; at < prefill + steps; at += count, count = 1)
        {
            Tensor part = model.Logits(inputs.Ids!.narrow(1, at, count), mask?.narrow(1, 0, at + count), inputs.PositionIds?.narrow(1, at, count), cache);
            GoldenTensors.AssertClose(
                $"cached logits from {at}", expected.narrow(1, at, count), part, golden.Absolute, golden.Relative, mask?.narrow(1, at, count).unsqueeze(-1));
        }
    }

    private static void CheckGreedy(GoldenCase golden, GoldenTensors tensors, CausalLM model)
    {
        if (golden.Parameters.GetProperty("max_new_tokens").GetInt32() == 0)
        {
            return;
        }

        Tensor expectedIds = tensors["expected.generated_ids"], expectedLogits = tensors["expected.generated_logits"];
        Tensor next = tensors["input.prompt_input_ids"];
        Tensor mask = tensors.Find("input.prompt_attention_mask") ?? ones_like(next);
        using KvCache cache = model.NewCache();
        for (int i = 0; i < expectedIds.shape[1]; i++)
        {
            Tensor positions = (mask.cumsum(1) - 1).clamp_min(0).narrow(1, mask.shape[1] - next.shape[1], next.shape[1]);
            Tensor logits = model.Logits(next, mask, positions, cache, lastOnly: true).squeeze(1);
            GoldenTensors.AssertClose($"generated logits {i}", expectedLogits.select(1, i), logits, golden.Absolute, golden.Relative);
            next = logits.argmax(-1, keepdim: true);
            Assert.Equal(expectedIds.select(1, i).data<long>().ToArray(), next.squeeze(1).data<long>().ToArray());
            mask = cat([mask, ones([mask.shape[0], 1], dtype: ScalarType.Int64)], 1);
        }
    }
}
