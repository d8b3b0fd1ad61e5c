/** How far a stick or a finger is from its rest, as a share of the top speed. */

/**
 * 0 inside the dead zone, then from 0 to 1 without a jump; in steps of 1/20 so that a trembling hand says nothing.
 * @param {number} deflection -1..1
 * @param {number} deadZone share of the way that does nothing
 */
export function shaped(deflection, deadZone) {
  const size = (Math.abs(deflection) - deadZone) / (1 - deadZone);
  return size <= 0 ? 0 : Math.sign(deflection) * Math.min(1, Math.ceil(size * 20) / 20);
}
